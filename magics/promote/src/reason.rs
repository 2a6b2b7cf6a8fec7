//! Why a cell is in a slice or out of it, in words.

use std::fmt;

use kernwerk_core::{Effect, Resource};

/// What a kept cell is kept for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// It is the target.
    Target,
    /// It is the last to define the name.
    Defines(String),
    /// It may change the value of the name.
    Changes(String),
    /// It defines the name under a condition, or broke off and may have defined it before.
    MayDefine(String),
    /// It makes names that its text does not spell out; this may be one of them.
    Serves(String),
    /// It may bring a trait into scope whose methods are called.
    Provides,
    /// It adds methods or operators to the type or trait.
    Implements(String),
    /// Its text cannot be read, or it changes the process: all that follows may depend on it.
    Barrier,
    /// It wrote the table, corpus, view or file that was read.
    Wrote { resource: Resource, name: String, version: Option<u64> },
    /// The file was last written while it ran.
    RanWhenWritten(String),
    /// Its code names a file that cells of this notebook write.
    Mentions(String),
    /// It writes files, and another reads one whose name is put together.
    MayWrite,
    /// With other values of the parameters it may run magics that it did not run.
    MayRunMagics,
    /// It wrote to the lab, and with other values of the parameters another may read that.
    MayBeRead,
    /// It uses what nothing is known of, which may do more with other values of the parameters.
    Untold,
    /// Somebody asks for it.
    Asked,
}

impl Why {
    /// The name that it is about, where it is about one.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Defines(name) | Self::Changes(name) | Self::MayDefine(name) => Some(name),
            _ => None,
        }
    }

    /// The writer of what `effect` accessed is needed.
    pub(crate) fn wrote(effect: &Effect) -> Self {
        Self::Wrote {
            resource: effect.resource,
            name: effect.name.clone(),
            // A file's version is a time, which says nothing to people.
            version: effect.version.filter(|_| effect.resource != Resource::File),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Target => write!(out, "is the target"),
            Self::Defines(name) => write!(out, "defines `{name}`"),
            Self::Changes(name) => write!(out, "may change `{name}`"),
            Self::MayDefine(name) => write!(out, "may have defined `{name}`"),
            Self::Serves(name) => write!(out, "makes names that its text does not spell out, perhaps `{name}`"),
            Self::Provides => write!(out, "may bring a trait into scope whose methods are called"),
            Self::Implements(name) => write!(out, "adds to `{name}`"),
            Self::Barrier => write!(out, "may change anything that comes after it"),
            Self::Wrote { resource, name, version } => {
                write!(out, "wrote {} `{name}`", noun(*resource))?;
                version.map_or(Ok(()), |version| write!(out, " version {version}"))
            }
            Self::RanWhenWritten(name) => write!(out, "ran when file `{name}` was written"),
            Self::MayWrite => write!(out, "may write a file whose name the text does not spell out"),
            Self::Untold => {
                write!(
                    out,
                    "uses a package of which nothing is known, and may do more with other values of the parameters"
                )
            }
            Self::Asked => write!(out, "was asked for (`--keep`)"),
            Self::MayRunMagics => write!(out, "may run other magics with other values of the parameters"),
            Self::MayBeRead => write!(out, "wrote to the lab what may be read with other values of the parameters"),
            Self::Mentions(name) => write!(out, "names file `{name}`, which cells of this notebook write"),
        }
    }
}

/// Why a cell is not in a slice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhyNot {
    /// It did not compile, or could not be read: it never ran.
    Rejected,
    /// It has not ended.
    Running,
    /// It ran after the target.
    After,
    /// It failed, and nothing that is kept depends on what it may have done.
    Failed,
    /// The same cell ran again, in the execution with this count.
    RanAgain(u32),
    /// The execution with this count defined its names anew.
    Redefined(u32),
    /// It makes nothing that a kept cell uses.
    Unused,
    /// It makes nothing at all.
    Reports,
}

impl fmt::Display for WhyNot {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected => write!(out, "did not compile or could not be read"),
            Self::Running => write!(out, "is still running"),
            Self::After => write!(out, "ran after the target"),
            Self::Failed => write!(out, "failed, and nothing kept depends on it"),
            Self::RanAgain(count) => write!(out, "ran again as In[{count}]"),
            Self::Redefined(count) => write!(out, "is replaced by In[{count}], which defines the same names"),
            Self::Unused => write!(out, "makes nothing that a kept cell uses"),
            Self::Reports => write!(out, "only shows something"),
        }
    }
}

/// What a resource is called in a sentence.
pub(crate) fn noun(resource: Resource) -> &'static str {
    match resource {
        Resource::Table => "table",
        Resource::Corpus => "corpus",
        Resource::FeatureView => "feature view",
        Resource::File => "file",
        Resource::Model => "model",
        Resource::Artifact => "artifact",
        Resource::Suite => "suite",
        Resource::Evaluation => "evaluation of suite",
    }
}
