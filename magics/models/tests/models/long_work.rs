//! Long work: it tells how far it is, and stops when asked.

use std::sync::{Arc, Mutex};

use kernwerk_core::{Cancel, Embedder, Event, Events, ModelError, Work};

use crate::model;

/// Keeps the progress that was told; raises `cancel` once `limit` texts are done.
struct Watch {
    told: Mutex<Vec<u64>>,
    cancel: Cancel,
    limit: u64,
}

impl Events for Watch {
    fn emit(&self, event: Event) {
        let Event::Progress { done, total, unit, .. } = event else { panic!("only progress is told") };
        assert_eq!((total, unit), (Some(200), "texts"));
        self.told.lock().unwrap().push(done);
        if done >= self.limit {
            self.cancel.cancel();
        }
    }
}

fn watch(limit: u64) -> (Arc<Watch>, Work) {
    let watch = Arc::new(Watch { told: Mutex::new(Vec::new()), cancel: Cancel::new(), limit });
    (watch.clone(), Work::new(watch.cancel.clone(), watch))
}

#[test]
fn progress_counts_every_text_once() {
    let Some(model) = model() else { return };
    let (watch, work) = watch(u64::MAX);
    model.embed(&["a few words"; 200], &work).expect("texts can be embedded");
    assert_eq!(*watch.told.lock().unwrap(), (1..=200).collect::<Vec<_>>());
}

#[test]
fn a_cancelled_batch_ends_with_the_texts_under_way() {
    let Some(model) = model() else { return };
    let (watch, work) = watch(1);
    let text = "many words ".repeat(200);
    let error = model.embed(&[text.as_str(); 200], &work).expect_err("it was cancelled");
    assert!(matches!(error, ModelError::Cancelled(_)));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    assert!(watch.told.lock().unwrap().len() <= 1 + threads);
}

#[test]
fn cancelled_work_does_not_begin() {
    let Some(model) = model() else { return };
    let (watch, work) = watch(u64::MAX);
    work.cancel.cancel();
    assert!(matches!(model.embed(&["words"; 200], &work), Err(ModelError::Cancelled(_))));
    assert!(watch.told.lock().unwrap().is_empty());
}
