//! Runs a future as a task of its own. kube's controller polls every step under way whenever one of them moves, and on one
//! thread: thousands that wait would cost their square. Decides nothing.

use std::panic::resume_unwind;

use tokio::task::AbortHandle;

/// Stops a task when it is dropped.
struct Stops(AbortHandle);

impl Drop for Stops {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Runs it beside all others, and stops it when nobody waits for it any more. A panic goes on in who waits.
pub async fn apart<F>(future: F) -> F::Output
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let task = tokio::spawn(future);
    let _stops = Stops(task.abort_handle());
    match task.await {
        Ok(output) => output,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // The runtime ends, and with it who waits.
            Err(_) => std::future::pending().await,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::Arc,
        task::{Context, Poll, Wake},
    };

    use futures::FutureExt;
    use tokio::sync::{Notify, oneshot};

    use super::*;

    struct Nobody;

    impl Wake for Nobody {
        fn wake(self: Arc<Self>) {
            panic!("who waits is woken when it is done, and not before");
        }
    }

    #[tokio::test]
    async fn what_moves_without_being_done_wakes_nobody_who_waits_for_it() {
        let (news, seen, end) = (Arc::new(Notify::new()), Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (its_news, its_seen, its_end) = (news.clone(), seen.clone(), end.clone());
        let mut waits = Box::pin(apart(async move {
            its_news.notified().await;
            its_seen.notify_one();
            its_end.notified().await;
            7
        }));
        let nobody = Arc::new(Nobody).into();
        assert_eq!(waits.poll_unpin(&mut Context::from_waker(&nobody)), Poll::Pending);
        news.notify_one();
        seen.notified().await;
        end.notify_one();
        assert_eq!(waits.await, 7);
    }

    #[tokio::test]
    async fn nothing_goes_on_that_nobody_waits_for() {
        let (alive, gone) = oneshot::channel::<()>();
        let mut waits = Box::pin(apart(async move {
            let _alive = alive;
            std::future::pending::<()>().await;
        }));
        assert!(waits.as_mut().now_or_never().is_none());
        drop(waits);
        assert!(gone.await.is_err());
    }

    #[tokio::test]
    #[should_panic(expected = "broken")]
    async fn a_panic_is_that_of_who_waits() {
        apart(async { panic!("broken") }).await
    }
}
