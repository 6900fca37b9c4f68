use std::convert::Infallible;
use std::task::{Context, Poll};

use apalis_core::backend::finalize::Ephemeral;
use apalis_core::backend::{Backend, BackendConfig};
use apalis_core::task::Task;
use apalis_core::task::task_id::TaskId;
use apalis_core::worker::context::WorkerContext;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::Receiver;

use super::db::Claimed;

/// A claimed job and the place it takes among those that run at once; the place is free again when this is dropped.
pub(super) type Slot = (Claimed, OwnedSemaphorePermit);

/// apalis's view of one queue: a stream of jobs that are already claimed.
///
/// It never fails, because an error here ends apalis's worker: the claimer behind the channel waits out an outage.
pub(super) struct ClaimedJobs(Receiver<Slot>);

impl ClaimedJobs {
    pub(super) fn new(receiver: Receiver<Slot>) -> Self {
        Self(receiver)
    }
}

impl Backend for ClaimedJobs {
    type Task = Task<Slot>;
    type Error = Infallible;

    fn poll_ready(
        &mut self,
        _: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Option<Result<Self::Task, Self::Error>>> {
        self.0
            .poll_recv(cx)
            .map(|slot| slot.map(|slot| Ok(Task::new(slot))))
    }

    fn poll_close(
        &mut self,
        _: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Result<(), Self::Error>> {
        self.0.close();
        Poll::Ready(Ok(()))
    }
}

impl BackendConfig for ClaimedJobs {
    type Args = Slot;
    type Id = TaskId;
    type Kind = Ephemeral;
    type Config = ();
    type Layer = tower::layer::util::Identity;

    fn config(&self) -> &Self::Config {
        &()
    }

    fn middleware(&mut self, _: &mut WorkerContext) -> Self::Layer {
        Self::Layer::new()
    }
}
