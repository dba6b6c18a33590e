//! The same sequence of calls on the throttle in memory and on the one in the database, by the same clock: every answer is
//! the same.

use super::{Clock, PATIENCE, account, attempt, secret, throttle};
use crate::stack::{Place, Session, Stack};
use core::num::NonZeroU32;
use core::time::Duration;
use portcullis::stores::supabase::{SupabaseCharge, SupabaseThrottle};
use portcullis::test_util::ManualClock;
use portcullis::throttle::{
    Acquired, Attempt, Counter, Device, DeviceToken, Forget, MemoryCharge, MemoryThrottle, Success,
    Throttle, ThrottleError,
};
use std::time::{Instant, SystemTime};

const SEQUENCES: u64 = 250;
const STEPS: usize = 24;

/// What an attempt met: the counter, its failures before, and whether the network is crowded; or how long to wait.
type Met = Result<(Counter, u32, bool), Option<Duration>>;

fn met<C>(outcome: &Result<Acquired<C>, ThrottleError>) -> Met {
    match outcome {
        Ok(acquired) => Ok((
            acquired.counter.clone(),
            acquired.failures,
            acquired.crowded_network,
        )),
        Err(ThrottleError::Limited { retry_after }) => Err(Some(*retry_after)),
        Err(ThrottleError::Busy) => Err(None),
        Err(error) => panic!("{error:?}"),
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

/// Both throttles, what is open on both (and of which login), and the time of both.
struct Model<'a> {
    here: MemoryThrottle,
    there: &'a SupabaseThrottle,
    open: Vec<(usize, MemoryCharge, SupabaseCharge)>,
    devices: Vec<(usize, Device)>,
    logins: [String; 2],
    time: ManualClock,
    at: SystemTime,
    random: Random,
}

/// Counts what was given back.
const COUNT_REFUNDS: &str = "create sequence given_back;
    create function count_given_back() returns trigger language plpgsql as $$ begin
        execute format('select nextval(%L)', tg_table_schema || '.given_back'); return new; end $$;
    create trigger count_given_back after insert on portcullis_refunds for each row execute function count_given_back()";

/// Waits until what was given back has landed.
struct Refunds {
    session: Session,
    expected: usize,
}

impl Refunds {
    fn watch(place: &Place) -> Self {
        let mut session = place.session();
        session.sql(COUNT_REFUNDS);
        Self {
            session,
            expected: 0,
        }
    }

    /// Until the last one counts as in flight no more, too: its batch ends before the next begins.
    async fn settle(&mut self, throttle: &SupabaseThrottle) {
        self.next().await;
        let barrier = attempt(&format!("barrier {}", self.expected), None);
        let charge = throttle.acquire(&barrier).await.unwrap().charge;
        throttle.not_made(charge);
        self.next().await;
    }

    async fn next(&mut self) {
        self.expected += 1;
        let started = Instant::now();
        let count = "select case when is_called then last_value else 0 end from given_back";
        while self.session.sql(count) != self.expected.to_string() {
            assert!(started.elapsed() < PATIENCE, "a refund does not land");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

fn limits() -> [NonZeroU32; 2] {
    [3, 6].map(|number| NonZeroU32::new(number).unwrap())
}

const WINDOW: Duration = Duration::from_secs(600);

impl Model<'_> {
    fn attempt(&mut self, sequence: u64) -> Attempt {
        let login = self.random.below(2);
        let net = sequence + 1;
        let addresses = [
            None,
            Some(format!("10.{}.{}.1", net / 256, net % 256)),
            Some(format!("2001:db8:{net:x}:1::5")),
            Some(format!("2001:db8:{net:x}:2::7")),
        ];
        let address = self.random.of(&addresses).clone();
        let mut attempt = attempt(&self.logins[login], address.as_deref());
        if !self.devices.is_empty() && self.random.below(3) == 0 {
            let (of, mut device) = *self.random.of(&self.devices);
            // Now and then a forged one, or one of the other login.
            if self.random.below(8) == 0 {
                device = Device::from_stored(device.id, [0; 32]);
            }
            if of == login || self.random.below(4) == 0 {
                attempt = attempt.device(device);
            }
        }
        attempt
    }
}

async fn step(model: &mut Model<'_>, sequence: u64) -> (String, Option<(Met, Met)>, bool) {
    match model.random.below(12) {
        // A failure: nobody is told.
        5..=7 if !model.open.is_empty() => {
            let at = model.random.below(model.open.len());
            drop(model.open.remove(at));
            ("fail".into(), None, false)
        }
        8 if !model.open.is_empty() => {
            let at = model.random.below(model.open.len());
            let (login, here, there) = model.open.remove(at);
            let device = (model.random.below(2) == 0).then(|| {
                let login = &model.logins[login];
                DeviceToken::issue(&secret(), login).unwrap().1
            });
            model.devices.extend(device.map(|device| (login, device)));
            let account = account();
            let version = u64::try_from(model.random.below(2)).unwrap();
            let success = Success::new(&account, version).new_device(device);
            model.here.success(&here, success).await.unwrap();
            model.there.success(&there, success).await.unwrap();
            (
                format!("success, new device: {}", device.is_some()),
                None,
                false,
            )
        }
        9 if !model.open.is_empty() => {
            let at = model.random.below(model.open.len());
            let (_, here, there) = model.open.remove(at);
            model.here.not_made(here);
            model.there.not_made(there);
            ("not made".into(), None, true)
        }
        10 if model.random.below(3) == 0 => {
            let what = *model.random.of(&[Forget::Failures, Forget::Everything]);
            let login = model.random.below(2);
            let logins = [model.logins[login].as_str()];
            let account = portcullis::UserId::new("somebody else").unwrap();
            model.here.forgive(&account, &logins, what).await.unwrap();
            model.there.forgive(&account, &logins, what).await.unwrap();
            (format!("forgive {login} {what:?}"), None, false)
        }
        11 => {
            const DAY: u64 = 24 * 60 * 60;
            let seconds = *model.random.of(&[
                0,
                1,
                1,
                2,
                5,
                40,
                700,
                DAY + 1,
                2 * DAY,
                31 * DAY,
                181 * DAY,
            ]);
            let passes = Duration::from_millis(seconds * 1000 + 7);
            model.at += passes;
            model.time.set(model.at);
            (format!("{passes:?} pass"), None, false)
        }
        _ => {
            let attempt = model.attempt(sequence);
            let here = model.here.acquire(&attempt).await;
            let there = model.there.acquire(&attempt).await;
            let compared = (met(&here), met(&there));
            let login = usize::from(attempt.login == model.logins[1]);
            let said = format!("acquire of {login}: {attempt:?}");
            if let (Ok(here), Ok(there)) = (here, there) {
                model.open.push((login, here.charge, there.charge));
            }
            (said, Some(compared), false)
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_answers_as_the_throttle_in_memory_does() {
    let place = Stack::shared().place();
    let mut clock = Clock::stop(&place);
    let mut refunds = Refunds::watch(&place);
    let [account_failures, address_failures] = limits();
    let (mut admitted, mut limited, mut busy) = (0, 0, 0);
    for sequence in 0..SEQUENCES {
        let there = throttle(&place)
            .account_failures(account_failures)
            .address_failures(address_failures)
            .address_window(WINDOW);
        let time = ManualClock::default();
        // Later than all of the sequence before.
        let start = Duration::from_secs(1_900_000_000 + sequence * 6000 * 24 * 60 * 60);
        let at = SystemTime::UNIX_EPOCH + start;
        time.set(at);
        clock.set(at);
        let mut model = Model {
            here: MemoryThrottle::default()
                .account_failures(account_failures)
                .address_failures(address_failures)
                .address_window(WINDOW)
                .clock(time.clone()),
            there: &there,
            open: Vec::new(),
            devices: Vec::new(),
            logins: [
                format!("anna{sequence}@example.com"),
                format!("max {sequence}"),
            ],
            time,
            at,
            random: Random(sequence),
        };
        let mut told = Vec::new();
        for _ in 0..STEPS {
            let before = model.at;
            let (said, compared, is_refund) = step(&mut model, sequence).await;
            told.push(said);
            if model.at != before {
                clock.set(model.at);
            }
            if is_refund {
                refunds.settle(&there).await;
            }
            if let Some((in_memory, in_database)) = compared {
                assert_eq!(in_database, in_memory, "sequence {sequence}: {told:#?}");
                match in_memory {
                    Ok(_) => admitted += 1,
                    Err(Some(_)) => limited += 1,
                    Err(None) => busy += 1,
                }
            }
        }
    }
    // Or little would have been compared.
    assert!(
        admitted > 1000 && limited > 100 && busy > 20,
        "{admitted} admitted, {limited} limited, {busy} busy"
    );
}

/// All that comes late in a row of failures: the hard limit, its day, and the day after.
#[tokio::test(flavor = "multi_thread")]
async fn it_goes_to_the_hard_limit_as_the_throttle_in_memory_does() {
    let place = Stack::shared().place();
    let mut clock = Clock::stop(&place);
    let there = throttle(&place);
    let time = ManualClock::default();
    let here = MemoryThrottle::default().clock(time.clone());
    let mut at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_900_000_000);
    let anna = attempt("anna@example.com", None);
    let hour = Duration::from_secs(60 * 60);
    for failure in 0..104 {
        // Too early, then in time.
        for passes in [hour / 2, hour / 2, 23 * hour]
            .into_iter()
            .take(if failure < 100 { 2 } else { 3 })
        {
            at += passes;
            time.set(at);
            clock.set(at);
            let outcomes = (here.acquire(&anna).await, there.acquire(&anna).await);
            assert_eq!(met(&outcomes.1), met(&outcomes.0), "failure {failure}");
        }
    }
    assert!(matches!(
        there.acquire(&anna).await,
        Err(ThrottleError::Limited { .. })
    ));
    at += 30 * 24 * hour;
    time.set(at);
    clock.set(at);
    let outcomes = (here.acquire(&anna).await, there.acquire(&anna).await);
    assert_eq!(met(&outcomes.1), met(&outcomes.0));
    assert_eq!(met(&outcomes.1), Ok((Counter::Account, 0, false)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_set_back_by_a_year_stretches_no_delay() {
    let place = Stack::shared().place();
    let mut clock = Clock::stop(&place);
    let there = throttle(&place);
    let time = ManualClock::default();
    let here = MemoryThrottle::default().clock(time.clone());
    let late = SystemTime::UNIX_EPOCH + Duration::from_secs(1_900_000_000);
    let early = late - Duration::from_secs(365 * 24 * 60 * 60);
    let anna = attempt("anna@example.com", None);
    let at = |passed| early + Duration::from_secs(passed);
    for now in [late; 10]
        .into_iter()
        .chain([at(0), at(0), at(1), at(1), at(3), at(90_000)])
    {
        time.set(now);
        clock.set(now);
        let outcomes = (here.acquire(&anna).await, there.acquire(&anna).await);
        assert_eq!(met(&outcomes.1), met(&outcomes.0), "{now:?}");
    }
}
