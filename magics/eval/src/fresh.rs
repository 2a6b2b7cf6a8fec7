//! Whether a run still speaks of what is there now.

use kernwerk_core::{Basis, Resource};
use kernwerk_store::Lab;

use crate::{Error, Run, StoredSuite};

/// What has changed since the run was measured, in words; nothing while it is up to date. Versions with the same content are
/// the same. A model is not looked at: a corpus refuses other models than its own.
pub async fn changes(lab: &Lab, run: &Run, suite: &StoredSuite) -> Result<Vec<String>, Error> {
    let mut changes = Vec::new();
    if run.suite != suite.suite {
        let measured = run.basis_of(Resource::Suite).and_then(|basis| basis.version);
        changes.push(versions("the suite", measured, Some(suite.version.into())));
    }
    for basis in &run.basis {
        let what = match basis.resource {
            Resource::Table => format!("golden set `{}`", basis.name),
            Resource::Corpus => format!("corpus `{}`", basis.name),
            Resource::File => format!("file `{}`", basis.name),
            _ => continue,
        };
        match now(lab, basis).await? {
            None => changes.push(format!("{what} is gone")),
            Some((digest, _)) if digest == basis.digest => {}
            Some((_, version)) => changes.push(versions(&what, basis.version, version)),
        }
    }
    Ok(changes)
}

/// Digest and version of what is there now under the name.
async fn now(lab: &Lab, basis: &Basis) -> Result<Option<(String, Option<u64>)>, Error> {
    if basis.resource == Resource::File {
        let bytes = std::fs::read(lab.root().join(&basis.name)).ok();
        return Ok(bytes.map(|bytes| (blake3::hash(&bytes).to_hex().to_string(), None)));
    }
    match lab.dataset(basis.resource, &basis.name).await {
        Ok(stored) => Ok(Some((stored.digest().await?, Some(stored.version())))),
        Err(kernwerk_store::Error::Unknown { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn versions(what: &str, measured: Option<u64>, now: Option<u64>) -> String {
    match measured.zip(now) {
        Some((measured, now)) if measured != now => {
            format!("{what} is at version {now}, and version {measured} was measured")
        }
        _ => format!("{what} has changed since"),
    }
}
