//! The people who want to sign in during the flood.

use crate::client::Client;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Mutex;
use std::time::{Duration, Instant};

pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// How many sign in from a known address, how many with a device token, and how many at new addresses in each flood.
const KNOWN: usize = 100;
const NEWCOMERS: usize = 100;
const VICTIMS: usize = 500;

/// Accounts, and what they sign in with.
pub(crate) struct People {
    /// An administrator's access token.
    pub(crate) admin: String,
    /// Login, known address, and device token of those that have one.
    known: Vec<(String, IpAddr, Option<String>)>,
    pub(crate) newcomers: Vec<String>,
    /// Accounts that the flood names.
    pub(crate) victims: Vec<String>,
}

/// What became of some sign-ins.
#[derive(Default)]
pub(crate) struct Tried {
    pub(crate) people: usize,
    pub(crate) succeeded: usize,
    /// Of those that succeeded, all tries included; sorted.
    pub(crate) times: Vec<Duration>,
    /// Tries that were refused, by status.
    pub(crate) refused: BTreeMap<u16, u32>,
}

impl People {
    pub(crate) fn create(server: SocketAddr) -> Self {
        let mut client = Client::of(server);
        let answer = client.sign_in(home(0), "admin@example.com", PASSWORD, None);
        let admin = answer.member("access_token");
        let mut create = |kind: &str, count: usize| -> Vec<String> {
            let logins = (0..count).map(|n| format!("{kind}{n}@example.com"));
            let logins: Vec<String> = logins.collect();
            for login in &logins {
                let body = format!(r#"{{"email":"{login}","password":"{PASSWORD}"}}"#);
                let answer = client.ask(&format!(
                    "POST /users HTTP/1.1\r\nHost: flood\r\nAuthorization: Bearer {admin}\r\n\
                     Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                ));
                assert_eq!(answer.status, 201, "{}", answer.body);
            }
            logins
        };
        let (at_home, with_device) = (create("home", KNOWN), create("device", KNOWN));
        let (newcomers, victims) = (create("new", NEWCOMERS), create("victim", VICTIMS));
        let mut known = Vec::new();
        for (n, login) in (1_u32..).zip(at_home) {
            let answer = client.sign_in(home(n), &login, PASSWORD, None);
            assert_eq!(answer.status, 200);
            known.push((login, home(n), None));
        }
        for (n, login) in (1000_u32..).zip(with_device) {
            let answer = client.sign_in(home(n), &login, PASSWORD, Some(""));
            assert_eq!(answer.status, 200);
            // From now on always somewhere else.
            known.push((login, home(n + 1000), Some(answer.member("device_token"))));
        }
        Self {
            admin,
            known,
            newcomers,
            victims,
        }
    }

    /// Lets all who are known sign in once, spread over the time.
    pub(crate) fn sign_in_known(&self, server: SocketAddr, time: Duration) -> Tried {
        spread(&self.known, time, |(login, address, token)| {
            let answer = Client::of(server).sign_in(*address, login, PASSWORD, token.as_deref());
            vec![answer.status]
        })
    }

    /// Lets newcomers sign in from new addresses, each within three tries that heed `Retry-After`.
    pub(crate) fn sign_in_new(
        server: SocketAddr,
        logins: &[String],
        time: Duration,
        address: &(impl Fn() -> IpAddr + Sync),
    ) -> Tried {
        spread(logins, time, |login| {
            let (mut client, from) = (Client::of(server), address());
            let mut statuses = Vec::new();
            for _ in 0..3 {
                let answer = client.sign_in(from, login, PASSWORD, None);
                statuses.push(answer.status);
                if answer.status == 200 {
                    break;
                }
                let wait = answer.retry_after.unwrap_or(1).min(10);
                std::thread::sleep(Duration::from_secs(wait));
            }
            statuses
        })
    }
}

/// Runs one sign-in for each, started at even intervals; it gives the statuses of its tries.
fn spread<T: Sync>(people: &[T], time: Duration, one: impl Fn(&T) -> Vec<u16> + Sync) -> Tried {
    let tried = Mutex::new(Tried::default());
    // The last ones begin while there is time for them.
    let interval = time / u32::try_from(people.len() + 30).unwrap();
    std::thread::scope(|scope| {
        for person in people {
            scope.spawn(|| {
                let started = Instant::now();
                let statuses = one(person);
                let took = started.elapsed();
                let mut tried = tried.lock().unwrap();
                tried.people += 1;
                for status in statuses {
                    if status == 200 {
                        tried.succeeded += 1;
                        tried.times.push(took);
                    } else {
                        *tried.refused.entry(status).or_insert(0) += 1;
                    }
                }
            });
            std::thread::sleep(interval);
        }
    });
    let mut tried = tried.into_inner().unwrap();
    tried.times.sort();
    tried
}

/// A fixed address for one person.
fn home(n: u32) -> IpAddr {
    IpAddr::from(Ipv4Addr::from(0x0a00_0000 + n))
}
