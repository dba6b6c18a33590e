//! Look-ups by id, which every request of a signed-in caller makes: those that meet share one question.
//!
//! While few are under way each goes at once. Those that come while [`WORKERS`] questions are in flight wait for the
//! first of them to be answered and then go together, so that load makes questions larger and not more. None is ever
//! answered with what was read before it was asked.

use super::client::{Call, Client};
use super::error::{Kind, SupabaseError};
use super::rows::Row;
use super::schema::{Name, Schema};
use crate::store::Account;
use crate::user::User;
use core::time::Duration;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;
use uuid::Uuid;

/// How many questions are in flight before look-ups wait for company.
const WORKERS: usize = 4;

/// How many ids one question names: some 2 KB of address.
const COMPANY: usize = 50;

type Found = Result<Option<Account<User>>, SupabaseError>;

/// What a store shares with its clones.
pub(super) struct Lookups {
    pub(super) client: Client,
    pub(super) schema: Schema,
    select: String,
    timeout: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: Vec<Wanted>,
    working: usize,
}

struct Wanted {
    id: Uuid,
    answer: oneshot::Sender<Found>,
}

impl Lookups {
    pub(super) fn new(client: Client, schema: Schema, timeout: Duration) -> Self {
        Self {
            select: schema.select(&Name::ACCOUNT),
            client,
            schema,
            timeout,
            state: Mutex::default(),
        }
    }

    pub(super) async fn find(self: &Arc<Self>, id: Uuid) -> Found {
        let (answer, answered) = oneshot::channel();
        if let Some(worker) = self.want(Wanted { id, answer }) {
            // A task of its own: whoever asked first may go away while others wait for the same answer.
            tokio::spawn(worker.run());
        }
        let lost = match tokio::time::timeout(self.timeout, answered).await {
            Ok(Ok(found)) => return found,
            Ok(Err(_)) => Kind::Dropped,
            Err(_) => Kind::TimedOut(self.timeout),
        };
        self.client.named(Err(SupabaseError::new(lost)))
    }

    /// Puts a look-up in the queue, and gives the worker to be started for it if there is room for one.
    fn want(self: &Arc<Self>, wanted: Wanted) -> Option<Worker> {
        let mut state = self.lock();
        state.waiting.push(wanted);
        let room = state.working < WORKERS;
        room.then(|| {
            state.working = state.working.saturating_add(1);
            Worker {
                lookups: Arc::clone(self),
                is_done: false,
            }
        })
    }

    /// One question for all of them.
    async fn ask(&self, ids: &[Uuid]) -> Result<HashMap<String, Row>, SupabaseError> {
        let ids: Vec<String> = ids.iter().map(Uuid::to_string).collect();
        let filter = match ids.as_slice() {
            [one] => format!("eq.{one}"),
            many => format!("in.({})", many.join(",")),
        };
        let query = [
            ("select", self.select.as_str()),
            (self.schema.name(Name::Id), filter.as_str()),
        ];
        let call = Call::read(self.schema.name(Name::Table), &query);
        let rows: Vec<Row> = self.client.send(call).await?.json()?;
        Ok(rows.into_iter().map(|row| (row.id.clone(), row)).collect())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks until nobody waits.
struct Worker {
    lookups: Arc<Lookups>,
    is_done: bool,
}

impl Worker {
    async fn run(mut self) {
        while let Some(wanted) = self.next() {
            let mut ids: Vec<Uuid> = wanted.iter().map(|wanted| wanted.id).collect();
            ids.sort_unstable();
            ids.dedup();
            let found = self.lookups.ask(&ids).await;
            for Wanted { id, answer } in wanted {
                let account = match &found {
                    Ok(rows) => rows
                        .get(id.to_string().as_str())
                        .map(|row| row.clone().account())
                        .transpose(),
                    Err(error) => Err(error.clone()),
                };
                // Whoever does not wait any more needs no answer.
                drop(answer.send(account));
            }
        }
    }

    /// The next look-ups that somebody still waits for. Without any the worker is done, in the same moment, so that
    /// the next to come starts another.
    fn next(&mut self) -> Option<Vec<Wanted>> {
        let mut state = self.lookups.lock();
        state.waiting.retain(|wanted| !wanted.answer.is_closed());
        if state.waiting.is_empty() {
            state.working = state.working.saturating_sub(1);
            self.is_done = true;
            return None;
        }
        let many = state.waiting.len().min(COMPANY);
        Some(state.waiting.drain(..many).collect())
    }
}

/// A runtime that shuts down drops its tasks wherever they are.
impl Drop for Worker {
    fn drop(&mut self) {
        if !self.is_done {
            let mut state = self.lookups.lock();
            state.working = state.working.saturating_sub(1);
            if state.working == 0 {
                state.waiting.clear();
            }
        }
    }
}
