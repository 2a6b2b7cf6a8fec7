//! A feature view as it is stored: SQL, and what its columns are for.

use kernwerk_store::{Definition, Lab};
use serde::{Deserialize, Serialize};

use crate::{Error, Roles, Ttl};

/// A version of a feature view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    #[serde(skip)]
    pub name: String,
    #[serde(skip)]
    pub version: u32,
    pub sql: String,
    /// Key columns on which it is joined; none makes one value for all rows.
    pub entity: Vec<String>,
    pub event_time: String,
    pub created: Option<String>,
    pub ttl: Ttl,
    /// Tables and other views that the SQL names, directly or by way of other views.
    pub reads: Vec<String>,
    pub columns: Vec<ViewColumn>,
}

/// A column that a view gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewColumn {
    pub name: String,
    /// In words, as at the time of the definition.
    #[serde(rename = "type")]
    pub type_name: String,
}

impl View {
    /// The kind of definition in the ledger.
    pub(crate) const KIND: &'static str = "feature-view";

    /// The latest version of a view, if there is one.
    pub fn find(lab: &Lab, name: &str) -> Result<Option<Self>, Error> {
        lab.ledger().definition(Self::KIND, name, None)?.map(|definition| Self::read(&definition)).transpose()
    }

    /// The digest of a version's definition, blake3, hexadecimal.
    pub fn digest(lab: &Lab, name: &str, version: u64) -> Result<String, Error> {
        let wanted = u32::try_from(version).ok();
        let definition = lab.ledger().definition(Self::KIND, name, wanted)?;
        definition.map(|definition| definition.digest).ok_or_else(|| Error::Unknown {
            what: "feature view",
            name: format!("{name}@{version}"),
            position: None,
            excerpt: None,
            hint: None,
        })
    }

    pub(crate) fn read(definition: &Definition) -> Result<Self, Error> {
        let mut view: Self = serde_json::from_value(definition.body.clone()).map_err(|error| Error::Definition {
            view: definition.name.clone(),
            message: format!("version {} cannot be read: {error}", definition.version),
            hint: Some("define it again".to_owned()),
        })?;
        view.name.clone_from(&definition.name);
        view.version = definition.version;
        Ok(view)
    }

    /// What its columns are for, as if it were a table.
    pub fn roles(&self) -> Roles {
        Roles { event_time: Some(self.event_time.clone()), created: self.created.clone(), key: self.entity.clone() }
    }

    /// Its features: all columns that have no other role.
    pub fn features(&self) -> impl Iterator<Item = &str> {
        let roles = self.roles();
        self.columns.iter().map(|column| column.name.as_str()).filter(move |name| roles.role(name).is_none())
    }
}
