//! Writes events beside the work: what users are told never holds up what is done. One that cannot be written is logged and
//! never tried again; where too many wait, further ones are dropped and counted.

use std::sync::{Mutex, PoisonError};

use futures::StreamExt;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::{
    Client,
    runtime::events::{Event, Recorder, Reporter},
};
use prometheus::IntCounter;
use tokio::{sync::mpsc, task::JoinHandle};

/// Events that may wait; a burst of thousands of applications has a few each.
const WAITING: usize = 20_000;
/// Events that are written at once: few, so that a burst of them does not slow down what they tell of.
const AT_ONCE: usize = 2;

type Told = (Event, ObjectReference);

/// The way to tell users.
pub struct Events {
    sender: Mutex<Option<mpsc::Sender<Told>>>,
    dropped: IntCounter,
}

impl Events {
    /// Starts writing; the task ends after [`Events::end`], once all that was told is written.
    pub fn start(client: Client, reporter: Reporter, dropped: IntCounter) -> (Self, JoinHandle<()>) {
        let (sender, receiver) = mpsc::channel(WAITING);
        let task = tokio::spawn(write(client, reporter, receiver));
        (Self { sender: Mutex::new(Some(sender)), dropped }, task)
    }

    /// Tells of an object.
    pub fn tell(&self, event: Event, about: ObjectReference) {
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = sender.as_ref().is_some_and(|sender| sender.try_send((event, about)).is_ok());
        if !taken {
            self.dropped.inc();
        }
    }

    /// Nothing more is told.
    pub fn end(&self) {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

async fn write(client: Client, reporter: Reporter, receiver: mpsc::Receiver<Told>) {
    let told = futures::stream::unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver)));
    let writes = told.map(|(event, about)| {
        // One recorder counts events of one reason as one, with the first one's sentence.
        let recorder = Recorder::new(client.clone(), reporter.clone());
        async move {
            if let Err(error) = recorder.publish(&event, &about).await {
                let (namespace, name) = (about.namespace, about.name);
                tracing::warn!(namespace, name, reason = event.reason, %error, "an event could not be written");
            }
        }
    });
    writes.buffer_unordered(AT_ONCE).for_each(async |()| {}).await;
}
