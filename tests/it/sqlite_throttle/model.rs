//! Made-up sequences of commands, replayed on the throttle in memory by the same clock: each step has the same outcome.

use super::{Fixture, SECOND, address};
use core::num::NonZeroU32;
use core::time::Duration;
use portcullis::stores::sqlite::{SqliteCharge, SqliteThrottle};
use portcullis::test_util::ManualClock;
use portcullis::throttle::{
    Acquired, Attempt, Device, Forget, MemoryCharge, MemoryThrottle, Success, Throttle,
    ThrottleError,
};
use portcullis::user::UserId;
use std::net::IpAddr;

const SEQUENCES: u64 = 300;
const STEPS: u32 = 60;

/// Numbers that look random and are the same in each run (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }

    fn one_of<T: Clone>(&mut self, values: &[T]) -> T {
        let at = usize::try_from(self.below(u64::try_from(values.len()).unwrap())).unwrap();
        values[at].clone()
    }
}

/// Both throttles in one sequence.
struct Pair<'a> {
    model: &'a MemoryThrottle,
    throttle: &'a SqliteThrottle,
    clock: &'a ManualClock,
    sequence: u64,
    devices: Vec<Device>,
    open: Vec<(MemoryCharge, SqliteCharge)>,
    history: Vec<String>,
    /// How many more long advances there may be: a last use is stored to the day, so that 30 days may be 29 and some hours.
    long: u32,
}

impl Pair<'_> {
    fn login(&self, numbers: &mut Numbers) -> String {
        format!("u{}-{}@example.com", self.sequence, numbers.below(2))
    }

    fn address(&self, numbers: &mut Numbers) -> Option<IpAddr> {
        let base = u32::try_from(self.sequence * 8).unwrap();
        let v6 = |host: u64| format!("2001:db8:{base:x}:{host}::1").parse().unwrap();
        match numbers.below(6) {
            0 => None,
            1 | 2 => Some(address(base + 1)),
            3 => Some(address(base + 2)),
            host => Some(v6(host)),
        }
    }

    fn owner(login: &str) -> UserId {
        UserId::new(format!("id of {login}")).unwrap()
    }

    fn new_device(&mut self) -> Device {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&self.sequence.to_be_bytes());
        id[8] = u8::try_from(self.devices.len()).unwrap();
        let device = Device::from_stored(id, [id[8]; 32]);
        self.devices.push(device);
        device
    }

    async fn step(&mut self, numbers: &mut Numbers) {
        match numbers.below(20) {
            0..=10 => self.acquire(numbers).await,
            11..=13 => self.advance(numbers),
            14..=18 => self.decide(numbers).await,
            _ => self.forgive(numbers).await,
        }
    }

    async fn acquire(&mut self, numbers: &mut Numbers) {
        let login = self.login(numbers);
        let mut attempt = Attempt::new(&login, self.address(numbers));
        if !self.devices.is_empty() && numbers.below(3) == 0 {
            let mut device = numbers.one_of(&self.devices);
            if numbers.below(8) == 0 {
                device.secret_hash[0] ^= 1;
            }
            attempt = attempt.device(device);
        }
        self.history.push(format!("acquire {login} {attempt:?}"));
        let expected = self.model.acquire(&attempt).await;
        let found = self.throttle.acquire(&attempt).await;
        let (shown, expected_shown) = (show(&found), show(&expected));
        assert_eq!(shown, expected_shown, "{:#?}", self.history);
        let (Ok(expected), Ok(found)) = (expected, found) else {
            return;
        };
        self.history.push(shown);
        let (one, other) = (expected.charge, found.charge);
        match numbers.below(3) {
            // A wrong password.
            0 => {}
            1 => self.open.push((one, other)),
            _ => self.resolve(numbers, &login, one, other).await,
        }
    }

    async fn decide(&mut self, numbers: &mut Numbers) {
        if self.open.is_empty() {
            return;
        }
        let at = numbers.below(u64::try_from(self.open.len()).unwrap());
        let (one, other) = self.open.remove(usize::try_from(at).unwrap());
        let login = self.login(numbers);
        self.resolve(numbers, &login, one, other).await;
    }

    async fn resolve(
        &mut self,
        numbers: &mut Numbers,
        login: &str,
        one: MemoryCharge,
        other: SqliteCharge,
    ) {
        match numbers.below(4) {
            0 => {
                let owner = Self::owner(login);
                let is_new = self.devices.len() < 4 && numbers.below(3) == 0;
                let device = is_new.then(|| self.new_device());
                self.history.push(format!("success, device {is_new}"));
                let success = Success::new(&owner, numbers.below(2)).new_device(device);
                self.model.success(&one, success).await.unwrap();
                self.throttle.success(&other, success).await.unwrap();
            }
            1 | 2 => {
                self.history.push("not made".to_owned());
                let before = in_flight(self.throttle);
                self.model.not_made(one);
                self.throttle.not_made(other);
                // One counter at least is not in flight any more when it has landed.
                while in_flight(self.throttle) == before {
                    tokio::time::sleep(Duration::from_micros(100)).await;
                }
            }
            _ => self.history.push("failure".to_owned()),
        }
    }

    async fn forgive(&mut self, numbers: &mut Numbers) {
        let login = self.login(numbers);
        let what = numbers.one_of(&[Forget::Failures, Forget::Everything]);
        self.history.push(format!("forgive {login} {what:?}"));
        // Nobody's id: devices of an account by other logins are forgotten by the database only.
        let nobody = UserId::new("nobody").unwrap();
        let logins = [login.as_str()];
        self.model.forgive(&nobody, &logins, what).await.unwrap();
        self.throttle.forgive(&nobody, &logins, what).await.unwrap();
    }

    fn advance(&mut self, numbers: &mut Numbers) {
        let steps =
            [500, 1000, 1500, 4000, 61_000, 1_200_000, 3_600_000].map(Duration::from_millis);
        let mut by = numbers.one_of(&steps);
        if self.long > 0 && numbers.below(6) == 0 {
            self.long -= 1;
            by = numbers.one_of(&[25 * 3600, 49 * 3600, 31 * 86_400]) * SECOND;
        }
        self.history.push(format!("advance {by:?}"));
        self.clock.advance(by);
    }
}

fn in_flight(throttle: &SqliteThrottle) -> u32 {
    let shown = format!("{throttle:?}");
    let (_, after) = shown.split_once("in_flight: ").unwrap();
    after.split([',', ' ']).next().unwrap().parse().unwrap()
}

fn show<C>(outcome: &Result<Acquired<C>, ThrottleError>) -> String {
    match outcome {
        Ok(acquired) => format!(
            "{:?} {} {}",
            acquired.counter, acquired.failures, acquired.crowded_network
        ),
        Err(error) => format!("{error:?}"),
    }
}

#[tokio::test]
async fn every_step_has_the_outcome_that_the_throttle_in_memory_has() {
    let fixture = Fixture::new().await;
    let clock = fixture.clock.clone();
    let [three, eight] = [3, 8].map(|number| NonZeroU32::new(number).unwrap());
    let model = MemoryThrottle::default().clock(clock.clone());
    let model = model.account_failures(three).address_failures(eight);
    let throttle = fixture.throttle.account_failures(three);
    let throttle = throttle.address_failures(eight);
    let (mut steps, mut outcomes) = (0, std::collections::BTreeMap::new());
    for sequence in 0..SEQUENCES {
        let mut numbers = Numbers(sequence);
        let mut pair = Pair {
            model: &model,
            throttle: &throttle,
            clock: &clock,
            sequence,
            devices: Vec::new(),
            open: Vec::new(),
            history: vec![format!("sequence {sequence}")],
            long: 5,
        };
        for _ in 0..STEPS {
            pair.step(&mut numbers).await;
            steps += 1;
        }
        for line in pair.history {
            let word = line.split([' ', '{']).next().unwrap_or_default();
            *outcomes.entry(word.to_owned()).or_insert(0_u32) += 1;
        }
    }
    assert!(steps > 0, "{outcomes:?}");
    for outcome in [
        "Account",
        "KnownAddress",
        "Device",
        "success,",
        "not",
        "forgive",
    ] {
        assert!(outcomes[outcome] > 100, "{outcome}: {outcomes:?}");
    }
}
