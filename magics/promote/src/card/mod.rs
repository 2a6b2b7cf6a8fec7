//! The card of an artifact: what it is for, what it is made of, how good it is, what it cost, how to run it again. The head is the metadata of
//! Hugging Face's model cards; the sections are those of Model Cards for Model Reporting (Mitchell et al. 2019) and of Datasheets for Datasets
//! (Gebru et al. 2021). What nobody has said is marked as missing, with where to say it.

mod markdown;
pub(crate) mod scores;

use kernwerk_core::{Resource, Work};
use kernwerk_store::Lab;

use crate::Error;
use crate::artifact::Reference;
use crate::facts::{Data, Facts, WORDS, gather};
use crate::pipeline::Pipeline;
use crate::reason::noun;
use markdown::{block, code, inline, table, yaml};
use scores::{Score, scores};

/// A card, and what it lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    pub markdown: String,
    /// Keys of `card.toml` that would say what is missing, such as `intended_use`.
    pub missing: Vec<String>,
}

/// Makes the card of an artifact.
///
/// # Errors
/// Those of finding and reading the artifact, and `card.toml` beside its versions.
pub async fn card(lab: &Lab, reference: &Reference, work: &Work) -> Result<Card, Error> {
    let facts = gather(lab, reference, work).await?;
    let mut writer =
        Writer { facts: &facts, scores: scores(&facts.attested), text: String::new(), missing: Vec::new() };
    writer.head();
    writer.details();
    writer.uses();
    writer.evaluation();
    writer.data();
    writer.recorded();
    writer.analyses();
    writer.caveats();
    writer.cost();
    writer.replay();
    writer.datasheet();
    Ok(Card { markdown: writer.text, missing: writer.missing })
}

struct Writer<'a> {
    facts: &'a Facts,
    scores: Vec<Score>,
    text: String,
    missing: Vec<String>,
}

impl Writer<'_> {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn heading(&mut self, level: usize, title: &str) {
        self.line(&format!("\n{} {title}\n", "#".repeat(level)));
    }

    /// What people said under `key`, or that they have to.
    fn said(&mut self, key: &str, words: Option<&String>, question: &str) {
        match words {
            // Their own Markdown: who may write beside the versions may write the card.
            Some(words) => self.line(words.trim()),
            None => {
                let place = format!("pipelines/{}/{WORDS}", self.facts.shown.location.name);
                self.line(&format!("**Missing.** {question} Say it in `{place}`: `{key} = \"…\"`."));
                self.missing.push(key.to_owned());
            }
        }
    }

    /// The metadata that the Hugging Face hub reads.
    fn head(&mut self) {
        let words = &self.facts.words;
        let mut head = vec!["---".to_owned()];
        head.extend(words.license.as_ref().map(|license| format!("license: {}", yaml(license))));
        if !words.language.is_empty() {
            head.push("language:".to_owned());
            head.extend(words.language.iter().map(|language| format!("- {}", yaml(language))));
        }
        head.push("library_name: kernwerk".to_owned());
        head.push("tags:".to_owned());
        let own = ["kernwerk", "pipeline", if self.facts.shown.pipeline.python.is_some() { "python" } else { "rust" }];
        head.extend(own.iter().map(|tag| format!("- {tag}")));
        head.extend(words.tags.iter().filter(|tag| !own.contains(&tag.as_str())).map(|tag| format!("- {}", yaml(tag))));
        let measured: Vec<&Score> = self.scores.iter().filter(|score| score.value.is_finite()).collect();
        if !measured.is_empty() {
            head.push("model-index:".to_owned());
            head.push(format!("- name: {}", yaml(&self.facts.shown.location.to_string())));
            head.push("  results:".to_owned());
            for score in measured {
                let (suite, metric) = (yaml(&score.suite), yaml(&score.metric));
                head.push("  - task:\n      type: other".to_owned());
                head.push(format!("    dataset:\n      type: {suite}\n      name: {suite}"));
                head.push(format!(
                    "    metrics:\n    - type: {metric}\n      name: {}\n      value: {:?}",
                    yaml(&score.name()),
                    score.value
                ));
            }
        }
        head.push("---".to_owned());
        self.line(&head.join("\n"));
    }

    fn details(&mut self) {
        let facts = self.facts;
        let (shown, pipeline) = (&facts.shown, &facts.shown.pipeline);
        let location = &shown.location;
        self.line(&format!("\n# {location}"));
        self.heading(2, "Model Details");
        self.line(&format!(
            "A pipeline of {} cells that gives {}. It was published by Kernwerk, which ran the cells in a fresh process first.\n",
            pipeline.steps.len(),
            of_target(pipeline),
        ));
        let mut rows =
            vec![("Version", location.version.to_string()), ("Identity (BLAKE3 of the manifest)", code(&shown.id))];
        if !shown.labels.is_empty() {
            rows.push(("In use as", inline(&shown.labels.join(", "))));
        }
        if let Some(proof) = &shown.proof {
            rows.push(("Published", inline(&proof.published_at)));
            rows.push(("Notebook", code(&proof.notebook)));
        }
        rows.push(("Kernwerk", inline(&pipeline.made_with.kernwerk)));
        rows.extend(pipeline.made_with.toolchain.as_ref().map(|toolchain| ("Toolchain", inline(toolchain))));
        if let Some(python) = &pipeline.python {
            rows.push(("Python", inline(&format!("{} {}", python.implementation, python.version))));
            let packages: Vec<String> =
                python.packages.iter().map(|(name, version)| code(&format!("{name} {version}"))).collect();
            rows.push(("Packages", packages.join(", ")));
        }
        self.line(&table(&["", ""], rows.into_iter().map(|(name, value)| vec![name.to_owned(), value])));
        if pipeline.models.is_empty() {
            self.line("It uses no models.");
        } else {
            let models = pipeline.models.iter().map(|model| {
                let license = facts.words.licenses.models.get(&model.name);
                vec![
                    code(&model.name),
                    code(&model.digest),
                    license.map_or_else(|| "**missing**".to_owned(), |text| inline(text)),
                ]
            });
            let models = table(&["Model", "SHA-256 of its weights", "Licence"], models);
            self.line(&models);
            for model in pipeline.models.iter().filter(|model| !facts.words.licenses.models.contains_key(&model.name)) {
                self.missing.push(format!("licenses.models.\"{}\"", model.name));
            }
        }
        self.heading(3, "Licence");
        let license = facts.words.license.as_ref().map(|license| inline(license));
        self.said("license", license.as_ref(), "Under which licence may it be used?");
        self.heading(3, "Contact");
        self.said("contact", facts.words.contact.as_ref(), "Who answers questions about it?");
        self.heading(3, "Citation");
        self.said("citation", facts.words.citation.as_ref(), "How is it to be cited?");
        self.heading(3, "Cells");
        let language = if pipeline.python.is_some() { "python" } else { "rust" };
        for (cell, number) in shown.cells.iter().zip(1..) {
            self.line(&format!("Cell {number}:\n\n{}", block(language, cell)));
        }
    }

    fn uses(&mut self) {
        let words = &self.facts.words;
        self.heading(2, "Intended Use");
        self.said("intended_use", words.intended_use.as_ref(), "What is it for, and for whom?");
        self.heading(3, "Out-of-scope uses");
        self.said("out_of_scope", words.out_of_scope.as_ref(), "What is it not for?");
        self.heading(2, "Factors");
        self.said(
            "factors",
            words.factors.as_ref(),
            "For which groups, instruments or surroundings may its results differ?",
        );
    }

    fn evaluation(&mut self) {
        self.heading(2, "Metrics");
        if self.scores.is_empty() {
            self.line("**Missing.** Nothing was measured when it was published. `%promote publish … --gate SUITE` keeps what a suite measures.");
            self.missing.push("publish --gate SUITE".to_owned());
        } else {
            let rows = self.scores.iter().map(|score| {
                let least = score.least.map_or_else(String::new, |least| least.to_string());
                vec![inline(&score.suite), inline(&score.name()), score.value.to_string(), least, inline(&score.state)]
            });
            let rows = table(&["Suite", "Metric", "Value", "At least", "Gate"], rows.collect::<Vec<_>>());
            self.line(&rows);
        }
        self.heading(2, "Evaluation Data");
        let mut suites: Vec<&str> = self.scores.iter().map(|score| score.suite.as_str()).collect();
        suites.dedup();
        let line = match suites.is_empty() {
            true => "None: nothing was evaluated.".to_owned(),
            false => format!(
                "The golden sets of the suites {}, as they were when it was measured.",
                suites.iter().map(|suite| code(suite)).collect::<Vec<_>>().join(", ")
            ),
        };
        self.line(&line);
    }

    fn data(&mut self) {
        self.heading(2, "Training Data");
        if self.facts.data.is_empty() {
            self.line("The pipeline reads nothing from outside.");
            return;
        }
        self.line("What the pipeline reads from outside; the datasheet below describes it.\n");
        let rows = self.facts.data.iter().map(|data| {
            let input = &data.input;
            let version = input.version.map_or_else(String::new, |version| version.to_string());
            let license = data.license.as_ref().map_or_else(|| "**missing**".to_owned(), |license| inline(license));
            vec![noun(input.resource).to_owned(), code(&input.name), version, size(data), code(&input.digest), license]
        });
        let rows = table(&["Kind", "Name", "Version", "Size", "BLAKE3", "Licence"], rows);
        self.line(&rows);
        let unlicensed = self.facts.data.iter().filter(|data| data.license.is_none());
        self.missing.extend(unlicensed.map(|data| format!("licenses.inputs.\"{}\"", data.input.name)));
    }

    /// What services answered, where the pipeline plays it.
    fn recorded(&mut self) {
        let Some(recorded) = &self.facts.recorded else { return };
        self.heading(2, "Recorded Answers");
        self.line(
            "What the pipeline asks over HTTP is answered from a cassette: as the services answered when it was recorded, and not as they would now.\n",
        );
        let at = self.facts.shown.proof.as_ref().and_then(|proof| proof.recorded_at.as_deref());
        let mut rows = vec![
            ("Exchanges", recorded.exchanges().to_string()),
            ("Services", inline(&recorded.hosts_in_words())),
            ("Recorded", at.map_or_else(|| "**missing**".to_owned(), inline)),
            ("File", code(&recorded.file)),
            ("BLAKE3", code(&recorded.digest)),
        ];
        if !recorded.ignored_headers.is_empty() {
            let names: Vec<String> = recorded.ignored_headers.iter().map(|name| code(name)).collect();
            rows.push(("Headers that are not looked at", names.join(", ")));
        }
        self.line(&table(&["", ""], rows.into_iter().map(|(name, value)| vec![name.to_owned(), value])));
    }

    fn analyses(&mut self) {
        self.heading(2, "Quantitative Analyses");
        self.line("The metrics above are over all cases of a suite. `%eval report` breaks them down.");
    }

    fn caveats(&mut self) {
        let words = &self.facts.words;
        self.heading(2, "Ethical Considerations");
        self.said(
            "ethical_considerations",
            words.ethical_considerations.as_ref(),
            "Whom may its results harm, and what was done about it?",
        );
        self.heading(2, "Caveats and Recommendations");
        let pipeline = &self.facts.shown.pipeline;
        if pipeline.steps.iter().any(|step| step.fails) {
            self.line("Some cells failed when they were recorded, and are expected to fail again.\n");
        }
        let uncompared: usize =
            pipeline.steps.iter().flat_map(|step| &step.outputs).filter(|output| output.file.is_none()).count();
        if uncompared > 0 {
            self.line(&format!("{uncompared} outputs change from run to run and are not compared.\n"));
        }
        self.said("caveats", words.caveats.as_ref(), "What else must its users know?");
    }

    fn cost(&mut self) {
        self.heading(2, "Cost and Time");
        match &self.facts.shown.proof {
            Some(proof) => self.line(&format!("The proof run took {:.1} s.", proof.wall_seconds)),
            None => self.line("Unmeasured: the attestation of the proof run is not there."),
        }
        let cost = self.facts.attested.iter().find(|(name, _)| name.starts_with("cost"));
        match cost {
            Some((_, cost)) => {
                let text = serde_json::to_string_pretty(cost).unwrap_or_default();
                self.line(&format!("\n{}", block("json", &text)));
            }
            None => self.line(
                "What its models used up is not part of the artifact: `%cost report` tells it in the lab where it ran.",
            ),
        }
    }

    fn replay(&mut self) {
        let shown = &self.facts.shown;
        let location = &shown.location;
        self.heading(2, "How to Run It Again");
        self.line(&format!(
            "In a checkout that holds `pipelines/{}/{}`:\n\n{}",
            location.name,
            location.version,
            block("sh", &format!("kernwerk promote verify {location}\nkernwerk promote replay {location}"))
        ));
        self.line(&format!(
            "A replay agrees when its results reach the level {}. Its exit code is 0 when they agree, 1 when they differ, 2 when it could not be run.",
            code(shown.pipeline.level.name())
        ));
    }

    fn datasheet(&mut self) {
        let words = &self.facts.words;
        self.heading(2, "Datasheet");
        self.heading(3, "Motivation");
        self.said(
            "motivation",
            words.motivation.as_ref(),
            "For what were the data made, by whom, and who paid for it?",
        );
        self.heading(3, "Composition");
        self.composition();
        self.heading(3, "Collection Process");
        self.said(
            "collection",
            words.collection.as_ref(),
            "How were the data acquired, over which time, with whose consent?",
        );
        self.heading(3, "Preprocessing, Cleaning, Labelling");
        self.line("What the pipeline does to the data stands in its cells, above.\n");
        self.said(
            "preprocessing",
            words.preprocessing.as_ref(),
            "What was done to the data before the pipeline read them?",
        );
        self.heading(3, "Uses");
        self.said("data_uses", words.data_uses.as_ref(), "For what else may the data be used, and for what not?");
        self.heading(3, "Distribution");
        self.said("distribution", words.distribution.as_ref(), "To whom may the data be given, and under which terms?");
        self.heading(3, "Maintenance");
        self.said("maintenance", words.maintenance.as_ref(), "Who keeps the data up to date, and for how long?");
    }

    fn composition(&mut self) {
        if self.facts.data.is_empty() {
            self.line("There are no data from outside.");
        }
        for data in &self.facts.data {
            let input = &data.input;
            self.line(&format!("The {} {}: {}.\n", noun(input.resource), code(&input.name), size(data)));
            if let Some((_, columns)) = &data.table {
                let rows = columns.iter().map(|(name, kind)| vec![code(name), code(kind)]);
                self.line(&table(&["Column", "Type"], rows));
            }
        }
    }
}

/// What the artifact is for.
fn of_target(pipeline: &Pipeline) -> String {
    let step = pipeline.target.step;
    pipeline.target.variable.as_ref().map_or_else(|| format!("the results of cell {step}"), |name| code(name))
}

/// How large an input is, as far as this lab knows.
fn size(data: &Data) -> String {
    match (&data.table, data.bytes) {
        (Some((rows, columns)), _) => format!("{rows} rows × {} columns", columns.len()),
        (None, Some(bytes)) => format!("{bytes} bytes now"),
        (None, None) if data.input.resource == Resource::File => "not in this checkout".to_owned(),
        (None, None) => "not in this lab".to_owned(),
    }
}
