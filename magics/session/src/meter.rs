//! The meter: every model call is let in by the budgets and recorded with its tokens and its time, and cells with the
//! process tree's.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use kernwerk_core::{Cancel, Embedder, Event, Events, ModelError, ModelId, Usage, Work};
use kernwerk_cost::Admitted;
use kernwerk_store::{Bound, Call, Lab, Price, Reservation};

/// Tokens that models like ours put around every text.
const SPECIAL_TOKENS: usize = 2;
/// Seconds that are asked for at first for a model whose calls were never measured.
const FIRST_SECONDS: f64 = 1.0;
/// As little is asked for; a call that takes longer asks again.
const LEAST_SECONDS: f64 = 0.05;
/// How much more time is asked for than such a call took on average.
const MARGIN: f64 = 2.0;

/// An embedder whose every call is let in by the budgets and goes into the ledger, failed and interrupted ones included.
pub(crate) struct Metered {
    inner: Arc<dyn Embedder>,
    lab: Lab,
    call: Call,
}

impl Metered {
    pub(crate) fn new(inner: Arc<dyn Embedder>, lab: Lab, call: Call) -> Self {
        Self { inner, lab, call }
    }

    /// Tokens that the model will read of each text, at most.
    fn tokens(&self, texts: &[&str]) -> Result<Vec<u64>, ModelError> {
        let tokens = texts.iter().map(|text| {
            let tokens = self.inner.token_spans(text)?.len() + SPECIAL_TOKENS;
            Ok(tokens.min(self.inner.max_tokens()) as u64)
        });
        tokens.collect()
    }

    /// Tokens of a call that was cut off. It told how many texts were done, not which: the longest are taken.
    fn tokens_of_longest(&self, texts: &[&str], done: u64) -> Result<u64, ModelError> {
        if done == 0 {
            return Ok(0);
        }
        let mut tokens = self.tokens(texts)?;
        tokens.sort_unstable_by_key(|tokens| std::cmp::Reverse(*tokens));
        Ok(tokens.into_iter().take(usize::try_from(done).unwrap_or(usize::MAX)).sum())
    }

    fn bound(&self, tokens: u64, price: Option<&Price>) -> Result<Bound, kernwerk_store::Error> {
        let rate = self.lab.ledger().seconds_per_token(&self.inner.id().name)?;
        let seconds = rate.map_or(FIRST_SECONDS, |rate| (MARGIN * rate * tokens as f64).max(LEAST_SECONDS));
        Ok(bound(self.inner.id(), tokens, seconds, price))
    }

    /// A call in a lab that cannot be written to. Reading goes on there without a record, of which the session tells; only what
    /// would have to be counted against a hard budget does not run.
    fn embed_unrecorded(
        &self,
        texts: &[&str],
        work: &Work,
        made: &mut (dyn FnMut(usize, &[f32]) + Send),
    ) -> Result<u64, ModelError> {
        let budgets = self.lab.budgets().map_err(unrecorded)?;
        if let Some(state) = budgets.iter().find(|state| state.budget.allowed.is_hard) {
            return Err(ModelError::Refused {
                message: format!(
                    "the lab at {} is read-only: this call could not be counted against its hard budget {}",
                    self.lab.root().display(),
                    state.budget.id
                ),
                hint: Some(
                    "`--mode text` searches without a model; or work in a copy that you may write to".to_owned(),
                ),
            });
        }
        self.inner.embed_each(texts, work, made)
    }

    /// Asks the budgets, where there are any.
    fn admit(&self, texts: &[&str], price: Option<&Price>, work: &Work) -> Result<Option<Reservation>, ModelError> {
        if !self.lab.ledger().has_budgets().map_err(unrecorded)? {
            return Ok(None);
        }
        let bound = self.bound(self.tokens(texts)?.iter().sum(), price).map_err(unrecorded)?;
        let admitted = kernwerk_cost::admit(&self.lab, &self.call, &bound, &self.inner.id().name);
        let Admitted { reservation, warnings } = admitted.map_err(refused)?;
        for (_, warning) in warnings {
            work.note(warning);
        }
        Ok(Some(reservation))
    }
}

impl Embedder for Metered {
    fn id(&self) -> &ModelId {
        self.inner.id()
    }

    fn dimensions(&self) -> usize {
        self.inner.dimensions()
    }

    fn max_tokens(&self) -> usize {
        self.inner.max_tokens()
    }

    fn token_spans(&self, text: &str) -> Result<Vec<(usize, usize)>, ModelError> {
        self.inner.token_spans(text)
    }

    fn embed_each(
        &self,
        texts: &[&str],
        work: &Work,
        made: &mut (dyn FnMut(usize, &[f32]) + Send),
    ) -> Result<u64, ModelError> {
        if self.lab.is_read_only() {
            return self.embed_unrecorded(texts, work, made);
        }
        let price = self.lab.price(&self.inner.id().name).map_err(unrecorded)?;
        let reservation = self.admit(texts, price.as_ref(), work)?;
        let watch = Arc::new(Watch::new(work, reservation, price.clone()));
        let began_cpu = process_tree_seconds();
        let result = self.inner.embed_each(texts, &Work::new(watch.cancel.clone(), watch.clone()), made);
        let usage = Usage {
            model: Some(self.inner.id().clone()),
            tokens_in: match &result {
                Ok(tokens) => *tokens,
                Err(_) => self.tokens_of_longest(texts, watch.done.load(Ordering::Relaxed))?,
            },
            tokens_out: 0,
            wall_seconds: watch.began.elapsed().as_secs_f64(),
            cpu_seconds: began_cpu.zip(process_tree_seconds()).map(|(from, to)| (to - from).max(0.0)),
        };
        let Asked { reservation, refusal } = watch.take();
        let recorded = match reservation {
            Some(reservation) => reservation.settle(&usage, price.as_ref()),
            None => self.lab.ledger().add_usage(&self.call, &usage, price.as_ref()),
        };
        // Spending that cannot be written down does not happen unseen: the answer is withheld.
        recorded.map_err(unrecorded)?;
        match refusal {
            Some(refusal) => Err(refusal),
            None => result,
        }
    }
}

/// Sees a call through: passes on what it tells, and asks for more time when it takes longer than was asked for. It ends the
/// call when a budget does not allow for more.
struct Watch {
    above: Arc<dyn Events>,
    cancel: Cancel,
    price: Option<Price>,
    began: Instant,
    /// Texts that the model has told to be done.
    done: AtomicU64,
    asked: Mutex<Asked>,
}

#[derive(Default)]
struct Asked {
    reservation: Option<Reservation>,
    refusal: Option<ModelError>,
}

impl Watch {
    fn new(work: &Work, reservation: Option<Reservation>, price: Option<Price>) -> Self {
        let asked = Mutex::new(Asked { reservation, refusal: None });
        let (above, cancel) = (work.events.clone(), work.cancel.child());
        Self { above, cancel, price, began: Instant::now(), done: AtomicU64::new(0), asked }
    }

    fn take(&self) -> Asked {
        std::mem::take(&mut *self.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn ask_for_more_time(&self) {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let Asked { reservation: Some(reservation), refusal } = &mut *asked else {
            return;
        };
        let (usage, seconds) = (&reservation.bound().usage, self.began.elapsed().as_secs_f64());
        let Some(model) = usage.model.clone().filter(|_| refusal.is_none() && seconds > usage.wall_seconds) else {
            return;
        };
        let more = bound(&model, usage.tokens_in, MARGIN * seconds, self.price.as_ref());
        if let Err(error) = kernwerk_cost::extend(reservation, &more, &model.name) {
            *refusal = Some(refused(error));
            self.cancel.cancel();
        }
    }
}

impl Events for Watch {
    fn emit(&self, event: Event) {
        if let Event::Progress { done, .. } = &event {
            self.done.fetch_max(*done, Ordering::Relaxed);
            self.ask_for_more_time();
        }
        self.above.emit(event);
    }
}

/// What a call of so many tokens and seconds uses up, if it keeps all processors busy.
fn bound(model: &ModelId, tokens: u64, seconds: f64, price: Option<&Price>) -> Bound {
    let processors = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let usage = Usage {
        model: Some(model.clone()),
        tokens_in: tokens,
        tokens_out: 0,
        wall_seconds: seconds,
        cpu_seconds: Some(seconds * processors as f64),
    };
    Bound { cost: price.and_then(|price| price.cost(&usage)), usage }
}

fn unrecorded(error: kernwerk_store::Error) -> ModelError {
    ModelError::Failed {
        message: format!("the model's use cannot be recorded: {error}"),
        hint: Some(
            error.hint().unwrap_or_else(|| "see that the lab can be written to; `%lab doctor` tells".to_owned()),
        ),
    }
}

fn refused(error: kernwerk_cost::Error) -> ModelError {
    match error {
        kernwerk_cost::Error::Store(error) => unrecorded(error),
        error => ModelError::Refused { message: error.to_string(), hint: error.hint() },
    }
}

/// Processor seconds (user and system) of this process, its living descendants and those it waited for; none where the
/// operating system does not account for them. Source: proc(5), `/proc/PID/stat`, fields 14 to 17, in clock ticks.
pub fn process_tree_seconds() -> Option<f64> {
    // SAFETY: sysconf reads a constant and has no preconditions.
    let ticks_per_second = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    if ticks_per_second <= 0 {
        return None;
    }
    let own = std::process::id();
    let mut total = ticks(own)?;
    // A descendant may end between the listing and the reading; what it used is then in its parent's count.
    total += tree_of(own).into_iter().filter_map(ticks).sum::<u64>();
    Some(total as f64 / ticks_per_second as f64)
}

/// The living descendants of `process`, nearest first.
pub fn tree_of(process: u32) -> Vec<u32> {
    let mut found = Vec::new();
    let mut next = vec![process];
    while let Some(parent) = next.pop() {
        for child in children(parent) {
            found.push(child);
            next.push(child);
        }
    }
    found
}

fn children(process: u32) -> Vec<u32> {
    let Ok(tasks) = std::fs::read_dir(format!("/proc/{process}/task")) else {
        return Vec::new();
    };
    tasks
        .flatten()
        .filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok())
        .flat_map(|line| line.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<u32>>())
        .collect()
}

fn ticks(process: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(Path::new("/proc").join(process.to_string()).join("stat")).ok()?;
    // The program's name is in parentheses and may hold blanks: fields are counted after the last parenthesis.
    let (_, fields) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    fields.get(11..15)?.iter().map(|field| field.parse::<u64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernwerk_core::{Embedded, Problem};
    use kernwerk_store::{BudgetScope, BudgetState, NewBudget, Period, Unit};
    use std::time::Duration;

    /// Tells one text after the other done, each after some time; a token is a letter.
    struct Slow {
        id: ModelId,
        pause: Duration,
    }

    impl Embedder for Slow {
        fn id(&self) -> &ModelId {
            &self.id
        }

        fn dimensions(&self) -> usize {
            1
        }

        fn max_tokens(&self) -> usize {
            10
        }

        fn token_spans(&self, text: &str) -> Result<Vec<(usize, usize)>, ModelError> {
            Ok((0..text.len()).map(|at| (at, at + 1)).collect())
        }

        fn embed_each(
            &self,
            texts: &[&str],
            work: &Work,
            made: &mut (dyn FnMut(usize, &[f32]) + Send),
        ) -> Result<u64, ModelError> {
            for place in 0..texts.len() {
                std::thread::sleep(self.pause);
                work.check()?;
                made(place, &[1.0]);
                work.progress("embed", place as u64 + 1, Some(texts.len() as u64), "texts");
            }
            Ok(texts.iter().map(|text| text.len().min(8) as u64 + 2).sum())
        }
    }

    struct Place {
        lab: Lab,
        _directory: tempfile::TempDir,
    }

    impl Place {
        fn new(unit: Unit, most: i64) -> Self {
            let directory = tempfile::tempdir().expect("a directory");
            let lab = Lab::init(directory.path()).expect("a lab");
            let budget = NewBudget { unit, scope: BudgetScope::Lab, period: Period::Always, is_hard: true, most };
            lab.ledger().set_budget(&budget).expect("a budget");
            Self { lab, _directory: directory }
        }

        fn embed(&self, milliseconds: u64, texts: &[&str], work: &Work) -> Result<Embedded, ModelError> {
            let id = ModelId { name: "slow".to_owned(), digest: String::new() };
            let slow = Slow { id, pause: Duration::from_millis(milliseconds) };
            let call = Call { cell: None, notebook: None, verb: "rag ingest".to_owned() };
            Metered::new(Arc::new(slow), self.lab.clone(), call).embed(texts, work)
        }

        fn state(&self) -> BudgetState {
            self.lab.budgets().expect("budgets").remove(0)
        }
    }

    #[test]
    fn what_is_reserved_is_what_the_model_reads() {
        let place = Place::new(Unit::Tokens, 25);
        place.embed(0, &["four", "a long text"], &Work::silent()).expect("6 and 10 tokens fit");
        assert_eq!((place.state().spent, place.state().reserved), (16, 0));
        assert!(matches!(place.embed(0, &["ten letters"], &Work::silent()), Err(ModelError::Refused { .. })));
        assert_eq!(place.state().spent, 16);
    }

    /// Nobody knows beforehand how long a call takes: it asks for more while it runs, and ends where there is no more.
    #[test]
    fn a_call_that_takes_longer_than_a_budget_allows_is_ended() {
        let place = Place::new(Unit::Seconds, 1_500_000);
        place.embed(1, &["x"; 10], &Work::silent()).expect("a short call");
        let work = Work::silent();
        let ended = place.embed(40, &["x"; 10_000], &work);
        assert!(
            matches!(&ended, Err(ModelError::Refused { message, .. }) if message.contains("1.5 seconds")),
            "{ended:?}"
        );
        assert!(!work.cancel.is_cancelled(), "only the call is stopped, not the work");
        let state = place.state();
        assert!(state.reserved == 0 && state.spent < 3_000_000, "{state:?}");
    }

    #[test]
    fn an_interrupted_call_counts_what_it_had_done() {
        let place = Place::new(Unit::Tokens, 100_000);
        let work = Work::silent();
        let cancel = work.cancel.clone();
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(300));
            cancel.cancel();
        });
        let texts: Vec<&str> = std::iter::once("a long text").chain(["x"; 999]).collect();
        let ended = place.embed(10, &texts, &work);
        assert!(matches!(ended, Err(ModelError::Cancelled(_))), "{ended:?}");
        let state = place.state();
        assert!(state.reserved == 0 && state.spent >= 10 && state.spent < 1_000, "{state:?}");
        assert_eq!(
            Problem::from(kernwerk_rag::Error::from(ended.expect_err("it was ended"))).name,
            Problem::INTERRUPTED
        );
    }
}
