//! Times pieces of work against each other, in alternation.
//!
//! A round gives each a batch of a millisecond or two, and begins with another of them each time. What counts is the median of
//! the rounds' ratios: a machine that gets slower or faster meanwhile does so for all.

use std::time::{Duration, Instant};

/// How long to race.
#[derive(Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) rounds: usize,
    pub(crate) batch: Duration,
}

impl Pace {
    pub(crate) const STEADY: Self = Self {
        rounds: 61,
        batch: Duration::from_millis(2),
    };
    /// Enough to see that everything runs.
    pub(crate) const SMOKE: Self = Self {
        rounds: 1,
        batch: Duration::ZERO,
    };
}

/// The medians of one piece of work.
#[derive(Clone, Copy)]
pub(crate) struct Figure {
    pub(crate) micros: f64,
    /// Its time over the first one's.
    pub(crate) ratio: f64,
}

/// How many calls fill a batch. They warm up, too.
pub(crate) fn calls(work: &dyn Fn(), batch: Duration) -> u32 {
    let start = Instant::now();
    let mut calls = 0;
    while calls == 0 || start.elapsed() < batch {
        work();
        calls += 1;
    }
    calls
}

/// The seconds that one call takes.
fn time(work: &dyn Fn(), calls: u32) -> f64 {
    let start = Instant::now();
    for _ in 0..calls {
        work();
    }
    start.elapsed().as_secs_f64() / f64::from(calls)
}

pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_unstable_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Races the pieces of work. The first is what the others are compared with.
pub(crate) fn race(works: &[&dyn Fn()], pace: Pace) -> Vec<Figure> {
    let counts: Vec<u32> = works.iter().map(|work| calls(work, pace.batch)).collect();
    let rounds: Vec<Vec<f64>> = (0..pace.rounds)
        .map(|round| {
            let mut seconds = vec![0.0; works.len()];
            for turn in 0..works.len() {
                let who = (round + turn) % works.len();
                seconds[who] = time(works[who], counts[who]);
            }
            seconds
        })
        .collect();
    let of = |figure: &dyn Fn(&Vec<f64>) -> f64| median(rounds.iter().map(figure).collect());
    (0..works.len())
        .map(|who| Figure {
            micros: of(&|seconds| seconds[who] * 1e6),
            ratio: of(&|seconds| seconds[who] / seconds[0]),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread::sleep;

    #[test]
    fn work_that_takes_twice_as_long_has_the_ratio_two() {
        let pace = Pace {
            rounds: 9,
            batch: Duration::from_millis(4),
        };
        let (one, two) = (
            || sleep(Duration::from_millis(2)),
            || sleep(Duration::from_millis(4)),
        );
        let figures = race(&[&one, &two], pace);
        assert!((0.99..=1.01).contains(&figures[0].ratio));
        assert!(
            (1.7..=2.3).contains(&figures[1].ratio),
            "{}",
            figures[1].ratio
        );
        assert!(figures[0].micros >= 2000.0);
    }
}
