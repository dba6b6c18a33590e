//! What sign-in holds in memory under load. Its own binary: the peak of a process can only be read for all of it.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests may stop at the first surprise"
)]

use core::num::NonZeroUsize;
use core::task::{Context, Poll, Waker};
use portcullis::authenticator::{Authenticator, Credentials, SignInError};
use portcullis::offload::HashPool;
use portcullis::opaque::ServerSecret;
use portcullis::throttle::{
    Acquired, Attempt, Counter, Forget, Success, Throttle, ThrottleError, Unthrottled,
};
use portcullis::{Account, PasswordHash, UserId, UserStore};
use std::process::{Command, Stdio};
use std::{env, fs};

const RIGHT: &str = "correct horse battery staple";
/// Of the default parameters, and made elsewhere (argon2-cffi), so that the test has not hashed when it starts.
const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$gYJZtjEAJqjg26xdLmknq8/bB7MiWPrE9hsYuA+SkIU";
const THREADS: usize = 2;
const AT_ONCE: usize = 32;

/// As dear in memory as a stored hash may be: 256 MiB.
const BIG: &str = "$argon2id$v=19$m=262144,t=1,p=1$AAECAwQFBgcICQoLDA0ODw$gYJZtjEAJqjg26xdLmknq8/bB7MiWPrE9hsYuA+SkIU";

/// One person with this hash, whatever the login.
struct One(&'static str);

impl UserStore for One {
    type User = ();
    type Error = core::convert::Infallible;

    async fn find_by_login(&self, _login: &str) -> Result<Option<Account<()>>, Self::Error> {
        let mut account = Account::new(UserId::new("1").unwrap(), ());
        account.password_hash = Some(PasswordHash::from_stored(self.0));
        Ok(Some(account))
    }

    async fn find_by_id(&self, _id: &UserId) -> Result<Option<Account<()>>, Self::Error> {
        Ok(None)
    }

    async fn replace_password_hash(
        &self,
        _id: &UserId,
        _old: &PasswordHash,
        _new: &PasswordHash,
    ) -> Result<bool, Self::Error> {
        Ok(false)
    }
}

/// A line of `/proc/self/status`, in KiB.
fn status(line: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix(line)).unwrap();
    line.trim_matches([':', '\t', ' '])
        .trim_end_matches(" kB")
        .parse()
        .unwrap()
}

#[tokio::test]
async fn many_sign_ins_take_the_memory_of_two_and_those_beyond_the_queue_are_refused_at_once() {
    let pool = HashPool::new(NonZeroUsize::new(THREADS).unwrap());
    let authenticator = Authenticator::builder(One(HASH))
        .throttle(Unthrottled::default())
        .offload(pool)
        .hash_queue(NonZeroUsize::new(4 * AT_ONCE).unwrap())
        .build()
        .unwrap();
    let idle = status("VmRSS");

    // Polled once, each is on the queue or refused; nobody has waited for anything.
    let mut waiting = Vec::new();
    let mut refused = 0;
    for n in 0..500 {
        let mut sign_in = Box::pin(authenticator.sign_in(Credentials::new("anna", RIGHT)));
        let polled = sign_in
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        match polled {
            Poll::Pending => waiting.push(sign_in),
            Poll::Ready(Err(SignInError::Busy)) if n >= AT_ONCE => refused += 1,
            Poll::Ready(other) => panic!("attempt {n}: {other:?}"),
        }
    }
    assert!(refused > 400, "{refused}");
    for sign_in in waiting {
        sign_in.await.unwrap();
    }

    let peak = status("VmHWM").saturating_sub(idle);
    let two = 2 * 19_456;
    assert!(peak <= two + 20_000, "{peak} KiB above idle");
    // It has hashed on both threads, or the figure would prove nothing.
    assert!(peak >= two, "{peak} KiB above idle");
}

/// Set in the process that may have too little memory for [`BIG`].
const STARVED: &str = "PORTCULLIS_TEST_STARVED";

#[tokio::test]
async fn a_lack_of_memory_is_unavailable_and_nobodys_wrong_password() {
    if env::var_os(STARVED).is_none() {
        // A limit on address space (in KiB) can only be set for a new process.
        let run = "ulimit -v 250000; exec \"$0\" --exact \"$1\"";
        let name = "a_lack_of_memory_is_unavailable_and_nobodys_wrong_password";
        let status = Command::new("sh")
            .args(["-c", run])
            .arg(env::current_exe().unwrap())
            .arg(name)
            .env(STARVED, "1")
            .stdout(Stdio::null())
            .status();
        assert!(status.unwrap().success());
        return;
    }
    let authenticator = Authenticator::builder(One(BIG))
        .throttle(NoFailures)
        .build()
        .unwrap();
    for _ in 0..2 {
        let error = authenticator
            .sign_in(Credentials::new("anna", RIGHT))
            .await
            .unwrap_err();
        assert!(matches!(error, SignInError::Unavailable(_)), "{error:?}");
        let source = core::error::Error::source(&error).unwrap();
        assert!(source.to_string().ends_with("out of memory"), "{source}");
    }
}

/// What is charged must go back.
struct NoFailures;

/// Panics if the charge stays.
#[derive(Debug)]
struct MustGoBack(bool);

impl Drop for MustGoBack {
    fn drop(&mut self) {
        assert!(self.0, "counted as a failure");
    }
}

impl Throttle for NoFailures {
    type Charge = MustGoBack;

    fn server_secret(&self) -> Option<&ServerSecret> {
        None
    }
    async fn acquire(&self, _attempt: &Attempt) -> Result<Acquired<MustGoBack>, ThrottleError> {
        Ok(Acquired::new(MustGoBack(false), Counter::Account, 0))
    }
    async fn success(&self, _: &MustGoBack, _: Success<'_>) -> Result<(), ThrottleError> {
        panic!("counted as a success");
    }
    fn not_made(&self, mut charge: MustGoBack) {
        charge.0 = true;
    }
    async fn forgive(&self, _: &UserId, _: &[&str], _: Forget) -> Result<(), ThrottleError> {
        Ok(())
    }
}
