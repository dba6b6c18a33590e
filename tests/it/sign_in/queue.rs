//! Who waits for a hash before whom, and how many may.

use super::*;

/// One thread that runs jobs one by one when told to.
#[derive(Clone, Debug, Default)]
struct Stepped(Arc<Mutex<Vec<Boxed>>>, usize);

struct Boxed(Job);

impl core::fmt::Debug for Boxed {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("job")
    }
}

impl Offload for Stepped {
    fn submit(&self, job: Job) -> Result<(), Lost> {
        self.0.lock().unwrap().push(Boxed(job));
        Ok(())
    }

    fn threads(&self) -> NonZeroUsize {
        NonZeroUsize::new(self.1.max(1)).unwrap()
    }
}

impl Stepped {
    /// Runs the job that was handed over first.
    fn step(&self) -> bool {
        let mut jobs = self.0.lock().unwrap();
        if jobs.is_empty() {
            return false;
        }
        let Boxed(job) = jobs.remove(0);
        drop(jobs);
        job();
        true
    }
}

struct Queued {
    stage: Stage,
    stepped: Stepped,
    authenticator: Authenticator<Staged>,
}

async fn queued(threads: usize, capacity: usize) -> Queued {
    let stage = Stage::new().await;
    let stepped = Stepped(Arc::default(), threads);
    let authenticator = Authenticator::builder(stage.store.clone())
        .hasher(cheap())
        .offload(stepped.clone())
        .hash_queue(NonZeroUsize::new(capacity).unwrap())
        .throttle(MemoryThrottle::default().clock(stage.clock.clone()))
        .clock(stage.clock.clone())
        .build()
        .unwrap();
    Queued {
        stage,
        stepped,
        authenticator,
    }
}

impl Queued {
    /// Starts a sign-in and leaves it waiting.
    async fn start(&self, login: &str, address: u8) -> Started {
        let credentials = Credentials::new(login, "wrong").source([10, 0, 0, address].into());
        let authenticator = self.authenticator.clone();
        let task = tokio::spawn(async move { authenticator.sign_in(credentials).await });
        // The runtime has one thread: the task runs until it waits.
        for _ in 0..8 {
            tokio::task::yield_now().await;
        }
        task
    }

    async fn finished(&self, tasks: &mut [Started]) -> Vec<usize> {
        for _ in 0..8 {
            tokio::task::yield_now().await;
        }
        let done = |(at, task): (usize, &mut Started)| task.is_finished().then_some(at);
        tasks.iter_mut().enumerate().filter_map(done).collect()
    }
}

type Started = tokio::task::JoinHandle<Result<SignedIn<User>, SignInError>>;

#[tokio::test]
async fn classes_start_four_to_two_to_one() {
    let queued = queued(1, 64).await;
    // Addresses of anna, dora and nora that are known, each on its counter.
    for address in 1..=8 {
        let task = queued.start("anna@example.com", address).await;
        task.abort();
        while queued.stepped.step() {}
        let right = Credentials::new("anna@example.com", RIGHT).source([10, 0, 0, address].into());
        let signing_in = queued.authenticator.sign_in(right);
        let (answer, ()) = tokio::join!(signing_in, async {
            while !queued.stepped.step() {
                tokio::task::yield_now().await;
            }
        });
        answer.unwrap();
        queued.stage.clock.advance(Duration::from_secs(301));
    }
    let blocker = queued.start("blocker", 200).await;
    let (mut kinds, mut tasks) = (Vec::new(), Vec::new());
    // In the order of their coming: the least first.
    for n in 0..8_u8 {
        let login = format!("failed{n}");
        let first = queued.start(&login, 100 + n).await;
        first.abort();
        kinds.push("other");
        tasks.push(queued.start("blocker", 100 + n).await);
    }
    for n in 0..8_u8 {
        kinds.push("no failures");
        tasks.push(queued.start(&format!("fresh{n}"), 120 + n).await);
    }
    for address in 1..=8 {
        kinds.push("known");
        tasks.push(queued.start("anna@example.com", address).await);
    }
    let status = queued.authenticator.hash_queue();
    assert_eq!(
        (
            status.waiting_known,
            status.waiting_no_failures,
            status.waiting_other
        ),
        (8, 8, 8)
    );
    drop(blocker);
    let mut order = Vec::new();
    let mut seen = Vec::new();
    while queued.stepped.step() {
        let finished = queued.finished(&mut tasks).await;
        order.extend(
            finished
                .iter()
                .filter(|at| !seen.contains(*at))
                .map(|at| kinds[*at]),
        );
        seen = finished;
    }
    let first: Vec<_> = order[..14].to_vec();
    let count = |kind| first.iter().filter(|k| **k == kind).count();
    assert_eq!(
        (count("known"), count("no failures"), count("other")),
        (8, 4, 2),
        "{order:?}"
    );
}

#[tokio::test]
async fn one_counter_holds_at_most_a_quarter_of_a_class() {
    let queued = queued(1, 16).await;
    let mut tasks = vec![queued.start("nobody", 1).await];
    // The first has begun; of the others, which have failures before them, four wait.
    for address in 2..=7 {
        tasks.push(queued.start("nobody", address).await);
    }
    assert_eq!(queued.authenticator.hash_queue().waiting_other, 4);
    let refused = queued.finished(&mut tasks).await;
    assert_eq!(refused, [5, 6]);
    for at in refused {
        let answer = (&mut tasks[at]).await.unwrap();
        assert!(matches!(answer, Err(SignInError::Busy)), "{answer:?}");
    }
    // Another counter has room.
    tasks.push(queued.start("somebody", 8).await);
    assert_eq!(queued.authenticator.hash_queue().waiting_no_failures, 1);
}

#[tokio::test]
async fn one_address_hashes_on_half_of_the_threads_and_leaves_the_others_free() {
    let queued = queued(4, 64).await;
    let mut tasks = Vec::new();
    for n in 0..8 {
        tasks.push(queued.start(&format!("user{n}"), 1).await);
    }
    assert_eq!(queued.authenticator.hash_queue().running, 2);
    tasks.push(queued.start("other", 2).await);
    assert_eq!(queued.authenticator.hash_queue().running, 3);
    while queued.stepped.step() {}
    assert_eq!(queued.finished(&mut tasks).await.len(), 9);
}

impl Queued {
    /// Signs in rightly from an address while nobody else waits.
    async fn sign_in(&self, address: u8) {
        let right = Credentials::new("anna@example.com", RIGHT).source([10, 0, 0, address].into());
        let (answer, ()) = tokio::join!(self.authenticator.sign_in(right), async {
            while !self.stepped.step() {
                tokio::task::yield_now().await;
            }
        });
        answer.unwrap();
    }

    fn waiting(&self) -> [usize; 3] {
        let status = self.authenticator.hash_queue();
        [
            status.waiting_known,
            status.waiting_no_failures,
            status.waiting_other,
        ]
    }
}

#[tokio::test]
async fn more_than_ten_sign_ins_in_five_minutes_at_a_known_address_lose_their_precedence() {
    let queued = queued(1, 64).await;
    // The first one makes the address known.
    for _ in 0..10 {
        queued.sign_in(1).await;
    }
    let _blocker = queued.start("blocker", 200).await;
    let _tenth = queued.start("anna@example.com", 1).await;
    assert_eq!(queued.waiting(), [1, 0, 0]);
    let _eleventh = queued.start("anna@example.com", 1).await;
    assert_eq!(queued.waiting(), [1, 0, 1]);
}

#[tokio::test]
async fn a_login_that_comes_again_within_five_minutes_is_no_newcomer_even_if_it_was_refused() {
    let queued = queued(1, 4).await;
    let _blocker = queued.start("blocker", 200).await;
    let mut tasks = Vec::new();
    for n in 0..5 {
        tasks.push(queued.start(&format!("user{n}"), n).await);
    }
    // The fifth had no room. It comes again, and need not compete with those that were never tried before.
    assert_eq!(queued.waiting(), [0, 4, 0]);
    assert_eq!(queued.finished(&mut tasks).await, [4]);
    tasks.push(queued.start("user4", 4).await);
    assert_eq!(queued.waiting(), [0, 4, 1]);
    while queued.stepped.step() {}
    assert_eq!(queued.finished(&mut tasks).await.len(), 6);
    // It failed: that is forgotten after 30 days only.
    queued.stage.clock.advance(Duration::from_secs(30 * 86_401));
    let _blocker = queued.start("blocker", 200).await;
    tasks.push(queued.start("user4", 4).await);
    assert_eq!(queued.waiting(), [0, 1, 0]);
}

#[tokio::test]
async fn a_signed_in_user_hashes_before_strangers() {
    let queued = queued(1, 8).await;
    let _blocker = queued.start("blocker", 200).await;
    let id = UserId::new("1").unwrap();
    let user = tokio::spawn({
        let (authenticator, id) = (queued.authenticator.clone(), id.clone());
        async move { authenticator.hash_password_of(&id, RIGHT.into()).await }
    });
    let stranger = tokio::spawn({
        let authenticator = queued.authenticator.clone();
        async move { authenticator.hash_password(RIGHT.into()).await }
    });
    queued.finished(&mut []).await;
    let status = queued.authenticator.hash_queue();
    assert_eq!((status.waiting_known, status.waiting_other), (1, 1));
    while queued.stepped.step() {}
    user.await.unwrap().unwrap();
    stranger.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_quarter_of_the_places_is_kept_for_known_addresses() {
    let stage = Stage::new().await;
    let stepped = Stepped(Arc::default(), 1);
    let authenticator = Authenticator::builder(stage.store.clone())
        .hasher(cheap())
        .offload(stepped.clone())
        .sign_ins_in_flight(NonZeroUsize::new(8).unwrap())
        .throttle(MemoryThrottle::default().clock(stage.clock.clone()))
        .build()
        .unwrap();
    let queued = Queued {
        stage,
        stepped,
        authenticator,
    };
    let right = || Credentials::new("anna@example.com", RIGHT).source([10, 0, 0, 1].into());
    let (answer, ()) = tokio::join!(queued.authenticator.sign_in(right()), async {
        while !queued.stepped.step() {
            tokio::task::yield_now().await;
        }
    });
    answer.unwrap();
    let mut tasks = Vec::new();
    for n in 0..7 {
        tasks.push(queued.start(&format!("user{n}"), 50 + n).await);
    }
    assert_eq!(
        queued.finished(&mut tasks).await,
        [6],
        "the seventh has no place"
    );
    tasks.push(queued.start("anna@example.com", 1).await);
    assert_eq!(queued.authenticator.hash_queue().waiting_known, 1);
}
