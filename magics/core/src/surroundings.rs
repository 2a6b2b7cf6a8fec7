//! What the cells of a run find around them besides their inputs: the same for a proof and for its replays, wherever they run.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// Variables that keep the values that they have on the machine: without them programs and libraries are not found.
const KEPT: [&str; 9] = [
    "PATH",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "TMPDIR",
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONUSERBASE",
];
/// What clients of the network need besides, where it may be used.
const FOR_NETWORK: [&str; 12] = [
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
];
/// Where clients look for a proxy.
const PROXIES: [&str; 6] = ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];
/// The name that goes with a proxy's password.
const PROXY_USER: &str = "kernwerk";
/// Where they look for what is to be reached without it: nothing.
const PAST_PROXY: [&str; 2] = ["no_proxy", "NO_PROXY"];
/// Where they look for certificates that they trust.
const AUTHORITIES: [&str; 3] = ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"];
/// Our own variables: they say where models lie, and how a process reaches its kernel.
const OURS: &str = "KERNWERK_";
/// What is the same on all machines: moments and numbers are written by the time zone and the locale, and hashes of texts
/// decide the order of Python's sets.
const FIXED: [(&str, &str); 5] =
    [("TZ", "UTC"), ("LC_ALL", "C.UTF-8"), ("LANG", "C.UTF-8"), ("PYTHONHASHSEED", "0"), ("PYTHONUTF8", "1")];
/// Where numerical libraries look for how many threads they may use, on which the last digits of sums depend.
const THREADS: [&str; 6] = [
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "RAYON_NUM_THREADS",
];
/// Others that tell of the machine and its user. They have no values in a run, or others.
const OF_THE_MACHINE: [&str; 14] = [
    "HOME", "USER", "LOGNAME", "USERNAME", "HOSTNAME", "HOST", "SHELL", "PWD", "OLDPWD", "TERM", "DISPLAY", "LANGUAGE",
    "MAIL", "EDITOR",
];

/// What a run's cells find around them. Of the machine's own environment they see only what is needed to find programs and
/// libraries; their home is an empty directory, the time zone UTC, the locale `C.UTF-8`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Surroundings {
    /// How many threads numerical libraries may use.
    pub threads: u32,
    /// Variables of the environment that cells read, with their values.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    /// Whether cells may use the network.
    #[serde(default)]
    pub network: bool,
}

impl Surroundings {
    /// The environment of a run in whose machine's environment `present` stands, with its home in `home`.
    pub fn environment(
        &self,
        present: impl IntoIterator<Item = (OsString, OsString)>,
        home: &Path,
    ) -> BTreeMap<OsString, OsString> {
        let mut environment: BTreeMap<OsString, OsString> = BTreeMap::new();
        for (name, value) in present {
            let Some(text) = name.to_str() else { continue };
            if text == "HOME" {
                // Packages that the user installed for themself alone are still found.
                let packages = Path::new(&value).join(".local").into_os_string();
                environment.entry("PYTHONUSERBASE".into()).or_insert(packages);
            }
            let stays = KEPT.contains(&text) || text.starts_with(OURS);
            if stays || (self.network && FOR_NETWORK.contains(&text)) {
                environment.insert(name, value);
            }
        }
        let threads = self.threads.max(1).to_string();
        environment.insert("HOME".into(), home.into());
        environment.extend(FIXED.map(|(name, value)| (name.into(), value.into())));
        environment.extend(THREADS.map(|name| (name.into(), threads.clone().into())));
        environment.extend(self.variables.iter().map(|(name, value)| (name.into(), value.into())));
        environment
    }

    /// What cells find besides where all that they ask goes through a proxy on a port of their own machine, which shows certificates of
    /// the authority in a file of PEM, and may want a password.
    pub fn by_proxy(port: u16, password: Option<&str>, authority: &Path) -> BTreeMap<String, OsString> {
        let login = password.map(|password| format!("{PROXY_USER}:{password}@")).unwrap_or_default();
        let address = OsString::from(format!("http://{login}127.0.0.1:{port}"));
        let proxies = PROXIES.iter().map(|name| (name, address.clone()));
        let past = PAST_PROXY.iter().map(|name| (name, OsString::new()));
        let authorities = AUTHORITIES.iter().map(|name| (name, authority.into()));
        proxies.chain(past).chain(authorities).map(|(name, value)| ((*name).to_owned(), value)).collect()
    }

    /// Whether a variable has the value that a run gives it, or none, whatever it is on the machine.
    pub fn settles(name: &str) -> bool {
        let fixed = FIXED.iter().any(|(fixed, _)| *fixed == name);
        fixed
            || KEPT.contains(&name)
            || THREADS.contains(&name)
            || OF_THE_MACHINE.contains(&name)
            || name.starts_with("LC_")
    }
}

/// Whether the network was kept away from the cells of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Network {
    /// Cells could not reach it.
    Off,
    /// Cells were free to use it, as was asked for.
    Open,
    /// It was to be kept away, and the system does not allow that; in words why.
    Unenforced(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(surroundings: &Surroundings, present: &[(&str, &str)]) -> BTreeMap<String, String> {
        let present = present.iter().map(|(name, value)| (name.into(), value.into()));
        let text = |text: OsString| text.into_string().expect("the variables of the test are text");
        let environment = surroundings.environment(present, Path::new("/run/home"));
        environment.into_iter().map(|(name, value)| (text(name), text(value))).collect()
    }

    #[test]
    fn two_machines_look_alike() {
        let variables = [("TARIFF".to_owned(), "12".to_owned())].into();
        let surroundings = Surroundings { threads: 3, variables, network: false };
        let one =
            [("PATH", "/bin"), ("HOME", "/home/ada"), ("TZ", "Asia/Tokyo"), ("LC_NUMERIC", "de_DE"), ("TARIFF", "7")];
        let other = [
            ("PATH", "/bin"),
            ("HOME", "/home/grace"),
            ("USER", "grace"),
            ("OMP_NUM_THREADS", "64"),
            ("https_proxy", "x"),
        ];
        let mut here = environment(&surroundings, &one);
        let mut there = environment(&surroundings, &other);
        assert_eq!(here.remove("PYTHONUSERBASE").as_deref(), Some("/home/ada/.local"));
        assert_eq!(there.remove("PYTHONUSERBASE").as_deref(), Some("/home/grace/.local"));
        assert_eq!(here, there);
        for (name, value) in
            [("PATH", "/bin"), ("HOME", "/run/home"), ("TZ", "UTC"), ("TARIFF", "12"), ("RAYON_NUM_THREADS", "3")]
        {
            assert_eq!(here[name], value, "{name}");
        }
        assert!(!here.contains_key("LC_NUMERIC") && !there.contains_key("USER"));
    }

    #[test]
    fn nothing_leads_past_a_proxy() {
        let variables = Surroundings::by_proxy(3128, None, Path::new("/run/authority.pem"));
        for (name, value) in
            [("https_proxy", "http://127.0.0.1:3128"), ("NO_PROXY", ""), ("SSL_CERT_FILE", "/run/authority.pem")]
        {
            assert_eq!(variables[name], value, "{name}");
        }
        let with_password = Surroundings::by_proxy(3128, Some("word"), Path::new("/run/authority.pem"));
        assert_eq!(with_password["HTTP_PROXY"], "http://kernwerk:word@127.0.0.1:3128");
        let of_machine = FOR_NETWORK.iter().filter(|name| !variables.contains_key(**name));
        assert_eq!(of_machine.collect::<Vec<_>>(), [&"SSL_CERT_DIR"], "these would lead elsewhere");
    }

    #[test]
    fn proxies_stay_where_the_network_may_be_used() {
        let surroundings = Surroundings { threads: 1, variables: BTreeMap::new(), network: true };
        assert!(environment(&surroundings, &[("https_proxy", "x")]).contains_key("https_proxy"));
    }
}
