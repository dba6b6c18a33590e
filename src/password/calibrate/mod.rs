//! [`calibrate`]: which Argon2id parameters take a wanted time on this machine.

use super::{HashParams, Password, PasswordError, PasswordHasher};
use core::time::Duration;
use std::time::Instant;

/// Memory is chosen in steps of 1 MiB; OWASP's rows are whole ones, too.
const STEP_KIB: u32 = 1024;
/// How many parameters are tried at the most.
const TRIES: usize = 6;
/// How much of the wanted time is aimed at, in percent: the next measurement comes out a little different.
const AIM_PERCENT: u128 = 95;

/// Parameters, and the time that one hash of them took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calibration {
    params: HashParams,
    time: Duration,
}

impl Calibration {
    /// The parameters to use.
    pub fn params(&self) -> HashParams {
        self.params
    }

    /// What one hash took, with nothing else going on. More than was wanted if the machine is too slow for it.
    pub fn time(&self) -> Duration {
        self.time
    }
}

/// Finds the strongest parameters that take no more than `target` on this machine, in no more than `max_memory_kib`.
///
/// Strong is what holds much memory for long: a guess costs its attacker the product. So memory comes first and iterations
/// fill what is left of the time, as in RFC 9106 §4; parallelism is 1.
/// Never below [`HashParams`]' floor: on a machine that is too slow even for that, the cheapest row of the floor is the
/// answer, and [`Calibration::time`] tells what it takes. Never above its ceiling.
///
/// Run it where the server will run, with nothing else going on, and write the answer into the configuration: parameters
/// that change with the mood of a machine make hashes [outdated](super::Verdict::Outdated) for nothing. Six
/// parameters are tried at the most, four hashes each: most often that takes some ten times `target`.
///
/// How much to want: a sign-in keeps a core busy for so long, and strangers may ask for sign-ins. 50 to 250 ms are common.
/// Memory is needed once for each hash [at the same time](crate::offload::HashPool). The example `calibrate` prints a
/// recommendation: `cargo run --release --example calibrate -- 100 64`.
///
/// ```
/// use portcullis::password::{HashParams, PasswordHasher, calibrate};
/// use std::time::Duration;
///
/// let found = calibrate(Duration::from_millis(20), 64 * 1024)?;
/// assert!(found.params().memory_kib() <= 64 * 1024);
/// let hasher = PasswordHasher::new(found.params())?;
/// # Ok::<(), portcullis::password::PasswordError>(())
/// ```
///
/// # Errors
/// [`PasswordError`] if `max_memory_kib` is less than 7,168, where the floor begins, or if there is no memory or randomness.
pub fn calibrate(target: Duration, max_memory_kib: u32) -> Result<Calibration, PasswordError> {
    let first = cheapest(max_memory_kib).ok_or(PasswordError::BELOW_FLOOR)?;
    search(target, max_memory_kib, first, time)
}

/// The time of one hash.
fn time(params: HashParams) -> Result<Duration, PasswordError> {
    let hasher = PasswordHasher::new(params)?;
    let password = Password::new("correct horse battery staple");
    // The first one pays for memory that all later ones reuse.
    hasher.hash(&password)?;
    let mut times = [Duration::ZERO; 3];
    for time in &mut times {
        let start = Instant::now();
        hasher.hash(&password)?;
        *time = start.elapsed();
    }
    times.sort_unstable();
    let [_, median, _] = times;
    Ok(median)
}

/// Time grows with work, but not evenly: memory that fits into a cache is faster. So each try corrects the last one, and where
/// that leads astray, halves what lies between the work that was in time and the work that was not.
fn search<E>(
    target: Duration,
    max_memory_kib: u32,
    first: HashParams,
    mut time: impl FnMut(HashParams) -> Result<Duration, E>,
) -> Result<Calibration, E> {
    let mut measure = |params| time(params).map(|time| Calibration { params, time });
    let mut last = measure(first)?;
    let mut tried = vec![last];
    // Work that was in time, and the least that was not.
    let (mut low, mut high) = (first.work(), u32::MAX);
    while tried.len() < TRIES {
        let mut work_kib = affordable(target, last);
        if high < u32::MAX && !(low..high).contains(&work_kib) {
            work_kib = low.midpoint(high);
        }
        let Some(params) = strongest(work_kib, max_memory_kib) else {
            break;
        };
        if tried.iter().any(|known| known.params == params) {
            break;
        }
        last = measure(params)?;
        tried.push(last);
        if last.time > target {
            high = high.min(work_kib);
        } else {
            low = low.max(work_kib);
        }
    }
    let in_time = tried.iter().filter(|known| known.time <= target);
    let best = in_time.max_by_key(|known| strength(known.params));
    let fastest = || tried.iter().min_by_key(|known| known.time);
    Ok(best.or_else(fastest).copied().unwrap_or(last))
}

/// The work, in KiB, that the target leaves time for, by what was measured.
fn affordable(target: Duration, known: Calibration) -> u32 {
    let aim = target.as_nanos().saturating_mul(AIM_PERCENT) / 100;
    let work = aim.saturating_mul(known.params.work().into());
    let work = work.checked_div(known.time.as_nanos());
    work.and_then(|work| u32::try_from(work).ok())
        .unwrap_or(u32::MAX)
}

/// The strongest parameters of no more than so much work and memory; `None` if the floor is higher.
fn strongest(work_kib: u32, max_memory_kib: u32) -> Option<HashParams> {
    let work_kib = work_kib.min(HashParams::MAX_WORK);
    let most = whole_steps(max_memory_kib.min(HashParams::MAX_MEMORY_KIB));
    (1..=HashParams::MAX_ITERATIONS)
        .filter_map(|iterations| {
            let memory_kib = whole_steps(work_kib.checked_div(iterations)?).min(most);
            HashParams::new(memory_kib, iterations, 1).ok()
        })
        .max_by_key(|params| strength(*params))
}

/// What a guess costs an attacker who must build the memory, too: memory times the time that it is held.
fn strength(params: HashParams) -> u64 {
    u64::from(params.memory_kib()).saturating_mul(params.work().into())
}

/// The row of the floor with the least work that fits into the memory.
fn cheapest(max_memory_kib: u32) -> Option<HashParams> {
    (1..=5)
        .filter_map(|iterations| {
            let memory = (7..=46).map(|mebibytes| STEP_KIB.saturating_mul(mebibytes));
            let mut rows = memory.filter_map(|kib| HashParams::new(kib, iterations, 1).ok());
            rows.next()
        })
        .filter(|row| row.memory_kib() <= max_memory_kib)
        .min_by_key(HashParams::work)
}

fn whole_steps(kib: u32) -> u32 {
    kib.saturating_sub(kib.checked_rem(STEP_KIB).unwrap_or_default())
}

#[cfg(test)]
mod tests;
