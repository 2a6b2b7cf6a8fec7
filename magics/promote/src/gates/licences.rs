//! Licences of what the cells are built from, and of models, against the list of those that may be.

use std::collections::BTreeMap;

use kernwerk_store::GateRules;
use spdx::{Expression, LicenseReq, Licensee, ParseMode};

use super::dependencies::{Dependencies, Dependency, Registry};
use super::report::{Demand, Finding, Judged, counted};
use super::{Gate, Subject};
use crate::Error;
use crate::licence::{CrateSources, Licence};

pub(super) struct Licences;

/// How many of those whose licence is not known are named.
const NAMED: usize = 5;

/// What Python's classifiers and old metadata call licences, in small letters. Where a name is that of several, all of them are
/// asked for.
const NAMES: &[(&str, &str)] = &[
    ("mit license", "MIT"),
    ("the mit license", "MIT"),
    ("mit license (mit)", "MIT"),
    ("apache software license", "Apache-2.0"),
    ("apache license 2.0", "Apache-2.0"),
    ("apache license, version 2.0", "Apache-2.0"),
    ("apache license version 2.0", "Apache-2.0"),
    ("apache 2.0", "Apache-2.0"),
    ("bsd license", "BSD-2-Clause AND BSD-3-Clause"),
    ("bsd", "BSD-2-Clause AND BSD-3-Clause"),
    ("3-clause bsd license", "BSD-3-Clause"),
    ("new bsd", "BSD-3-Clause"),
    ("new bsd license", "BSD-3-Clause"),
    ("modified bsd license", "BSD-3-Clause"),
    ("2-clause bsd license", "BSD-2-Clause"),
    ("isc license (iscl)", "ISC"),
    ("isc license", "ISC"),
    ("mozilla public license 2.0 (mpl 2.0)", "MPL-2.0"),
    ("mpl 2.0", "MPL-2.0"),
    ("python software foundation license", "PSF-2.0"),
    ("psf", "PSF-2.0"),
    ("psfl", "PSF-2.0"),
    ("the unlicense (unlicense)", "Unlicense"),
    ("public domain", "LicenseRef-public-domain"),
    ("historical permission notice and disclaimer (hpnd)", "HPND"),
    ("zlib/libpng license", "Zlib"),
    ("zope public license", "ZPL-2.1"),
    ("boost software license 1.0 (bsl-1.0)", "BSL-1.0"),
    ("gnu general public license v2 (gplv2)", "GPL-2.0-only"),
    ("gnu general public license v2 or later (gplv2+)", "GPL-2.0-or-later"),
    ("gnu general public license v3 (gplv3)", "GPL-3.0-only"),
    ("gnu general public license v3 or later (gplv3+)", "GPL-3.0-or-later"),
    ("gnu lesser general public license v2 (lgplv2)", "LGPL-2.0-only"),
    ("gnu lesser general public license v2 or later (lgplv2+)", "LGPL-2.0-or-later"),
    ("gnu lesser general public license v3 (lgplv3)", "LGPL-3.0-only"),
    ("gnu lesser general public license v3 or later (lgplv3+)", "LGPL-3.0-or-later"),
    ("gnu affero general public license v3", "AGPL-3.0-only"),
    ("gnu affero general public license v3 or later (agplv3+)", "AGPL-3.0-or-later"),
];

impl Gate for Licences {
    fn name(&self) -> &'static str {
        "licences"
    }

    fn demand(&self, rules: &GateRules) -> Demand {
        if rules.licences.is_some() { Demand::Require } else { Demand::Warn }
    }

    fn remedy(&self) -> &'static str {
        "do without the dependency, or add its licence to `licences` below [promote.gates] of kernwerk.toml"
    }

    fn judge(&self, subject: &Subject<'_>) -> Result<Judged, Error> {
        let dependencies = Dependencies::of(subject);
        let models = &subject.pipeline.models;
        let looked_at = format!("{}, {}", dependencies.counted(), counted(models.len(), "model"));
        let is_empty = dependencies.known.is_empty() && dependencies.unknown.is_empty() && models.is_empty();
        if is_empty {
            return Ok(Judged::pass(looked_at));
        }
        let Some(listed) = &subject.rules().licences else {
            return Ok(Judged::unmeasured(
                looked_at,
                "no licences are listed: `licences = [\"MIT\", …]` below [promote.gates]",
            ));
        };
        let allowed = match Allowed::read(listed) {
            Ok(allowed) => allowed,
            Err(reason) => return Ok(Judged::unmeasured(looked_at, &reason)),
        };
        let told = Told::of(subject, &dependencies)?;
        let (mut findings, mut unknown, mut elsewhere) = (Vec::new(), Vec::new(), 0);
        let mut judge = |what: String, licence: Option<&str>| match licence.and_then(expression) {
            Some(expression) if allowed.permits(&expression) => {}
            Some(expression) => {
                let what_it_has = format!("the licence {expression} is not in the list");
                findings.push(Finding { place: what, what: what_it_has, fingerprint: None });
            }
            None => unknown.push(what),
        };
        for dependency in &dependencies.known {
            match told.licence(dependency) {
                // What has no sources here was not built here: it is for other systems.
                Licence::NotHere if dependency.is_indirect => elsewhere += 1,
                Licence::NotHere | Licence::Unknown => judge(dependency.to_string(), None),
                Licence::Is(licence) => judge(dependency.to_string(), Some(&licence)),
            }
        }
        for model in models {
            let licence = subject.spec.model_licences.get(&model.digest).map(String::as_str);
            judge(format!("model `{}`", model.name), licence);
        }
        let mut reasons = dependencies.unknown.clone();
        if !unknown.is_empty() {
            let more = unknown.len().saturating_sub(NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            unknown.truncate(NAMED);
            reasons.push(format!("what licence they have is not known: {}{more}", unknown.join(", ")));
        }
        let elsewhere = (elsewhere > 0).then(|| {
            format!("{} of other systems not looked at, for their sources are not here", counted(elsewhere, "crate"))
        });
        Ok(Judged::by_findings(looked_at, findings).with_unknown(reasons).with_reasons(elsewhere))
    }
}

/// Licences that may be.
struct Allowed {
    licensees: Vec<Licensee>,
    requirements: Vec<LicenseReq>,
}

impl Allowed {
    /// Reads the list; the error says in words what is none.
    fn read(listed: &[String]) -> Result<Self, String> {
        let mut allowed = Self { licensees: Vec::new(), requirements: Vec::new() };
        for licence in listed {
            let expression = Expression::parse(licence).ok();
            let single = expression.as_ref().and_then(|expression| {
                let mut requirements = expression.requirements();
                let first = requirements.next()?;
                requirements.next().is_none().then(|| first.req.clone())
            });
            let Some(requirement) = single else {
                return Err(format!("`{licence}` in `licences` is no SPDX identifier such as MIT or Apache-2.0"));
            };
            allowed.licensees.extend(Licensee::parse(licence).ok());
            allowed.requirements.push(requirement);
        }
        Ok(allowed)
    }

    /// Whether one of the choices that an expression leaves has nothing but licences of the list.
    fn permits(&self, expression: &Expression) -> bool {
        expression.evaluate(|wanted| {
            self.requirements.contains(wanted) || self.licensees.iter().any(|licensee| licensee.satisfies(wanted))
        })
    }
}

/// The expression that a package's words about its licence mean; none where that cannot be told.
fn expression(words: &str) -> Option<Expression> {
    let known = NAMES.iter().find(|(name, _)| *name == words.trim().to_lowercase()).map(|(_, expression)| *expression);
    Expression::parse_mode(known.unwrap_or(words.trim()), ParseMode::LAX).ok()
}

/// What packages say of themselves.
struct Told {
    crates: CrateSources,
    python: BTreeMap<String, String>,
}

impl Told {
    fn of(subject: &Subject<'_>, dependencies: &Dependencies) -> Result<Self, Error> {
        let packages: Vec<&str> = dependencies
            .known
            .iter()
            .filter(|dependency| dependency.registry == Registry::Python)
            .map(|dependency| dependency.name.as_str())
            .collect();
        let python = match packages[..] {
            [] => BTreeMap::new(),
            _ => match subject.runner.environment(&packages, subject.work) {
                Ok(environment) => environment.licences,
                Err(kernwerk_core::RunError::Cancelled(cancelled)) => return Err(cancelled.into()),
                Err(error) => return Err(Error::NotRun { reason: error.to_string() }),
            },
        };
        Ok(Self { crates: subject.spec.crates.clone(), python })
    }

    fn licence(&self, dependency: &Dependency) -> Licence {
        let Dependency { registry, name, version, .. } = dependency;
        match registry {
            Registry::Python => self.python.get(name).cloned().map_or(Licence::Unknown, Licence::Is),
            Registry::Crates => self.crates.licence(name, version),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permits(listed: &[&str], licence: &str) -> Option<bool> {
        let listed: Vec<String> = listed.iter().map(|licence| (*licence).to_owned()).collect();
        let allowed = Allowed::read(&listed).expect("SPDX identifiers");
        expression(licence).map(|expression| allowed.permits(&expression))
    }

    #[test]
    fn expressions_mean_what_spdx_says() {
        let usual = &["MIT", "Apache-2.0"];
        assert_eq!(permits(usual, "MIT OR GPL-3.0-only"), Some(true));
        assert_eq!(permits(usual, "MIT AND GPL-3.0-only"), Some(false));
        assert_eq!(permits(usual, "(MIT OR GPL-3.0-only) AND Apache-2.0"), Some(true));
        assert_eq!(permits(usual, "MIT/Apache-2.0"), Some(true), "the old form of cargo");
        assert_eq!(permits(usual, "Apache-2.0 WITH LLVM-exception"), Some(false));
        assert_eq!(permits(&["Apache-2.0 WITH LLVM-exception"], "Apache-2.0 WITH LLVM-exception OR MIT"), Some(true));
        assert_eq!(permits(&["GPL-2.0-or-later"], "GPL-2.0-or-later"), Some(true));
        assert_eq!(permits(usual, "LGPL-3.0-or-later"), Some(false));
        assert_eq!(permits(usual, "see the file LICENSE"), None);
    }

    #[test]
    fn names_of_python_packages_are_known() {
        assert_eq!(permits(&["MIT"], "MIT License"), Some(true));
        assert_eq!(permits(&["BSD-3-Clause"], "BSD License"), Some(false), "which of them it is, is not said");
        assert_eq!(permits(&["BSD-2-Clause", "BSD-3-Clause"], "BSD License"), Some(true));
        assert!(NAMES.iter().all(|(_, meant)| Expression::parse(meant).is_ok()));
    }

    #[test]
    fn what_is_no_identifier_is_named() {
        let Err(reason) = Allowed::read(&["MIT".to_owned(), "Apache2".to_owned()]) else { panic!("it was read") };
        assert!(reason.contains("`Apache2`"), "{reason}");
        assert!(Allowed::read(&["MIT OR Apache-2.0".to_owned()]).is_err());
    }
}
