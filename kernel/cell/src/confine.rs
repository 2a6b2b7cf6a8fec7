//! Confinement: the process that runs cells of a proof or a replay finds around it what the run declares, and no network but for a proxy's.

use std::io;

use kernwerk_wire::Confinement;

use crate::process;
use crate::relay::relay;

/// Gives this process the environment of the confinement, and takes the network away unless that allows it. To be called
/// while there is one thread.
///
/// # Errors
/// The home cannot be made, or the system does not let the network be taken away.
pub(crate) fn confine(confinement: &Confinement) -> io::Result<()> {
    std::fs::create_dir_all(&confinement.home)?;
    let present = std::env::vars_os().map(|(name, _)| name);
    let foreign: Vec<_> = present.filter(|name| !name.to_string_lossy().starts_with("KERNWERK_")).collect();
    // SAFETY: the caller says that there is one thread.
    unsafe {
        for name in foreign {
            std::env::remove_var(name);
        }
        for (name, value) in &confinement.environment {
            std::env::set_var(name, value);
        }
    }
    if !confinement.network {
        leave_network()?;
    }
    let Some(proxy) = &confinement.proxy else { return Ok(()) };
    // A copy of this process may take its place; the one above stays.
    let variables = relay(proxy, std::os::unix::process::parent_id())?;
    // SAFETY: as above.
    unsafe {
        for (name, value) in variables {
            std::env::set_var(name, value);
        }
    }
    Ok(())
}

/// Takes the network away from this process and all that it starts, but for its own loopback interface. Where the user is
/// not root, that takes a user namespace in which it is who it was.
///
/// # Errors
/// The system has no such namespaces, or does not let this user have one.
#[cfg(target_os = "linux")]
pub fn leave_network() -> io::Result<()> {
    // SAFETY: the calls take and return integers.
    let (user, group) = unsafe { (libc::geteuid(), libc::getegid()) };
    if unshare(libc::CLONE_NEWNET).is_err() {
        unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNET)?;
        std::fs::write("/proc/self/setgroups", "deny")?;
        std::fs::write("/proc/self/gid_map", format!("{group} {group} 1"))?;
        std::fs::write("/proc/self/uid_map", format!("{user} {user} 1"))?;
        // The change of credentials has undone it.
        process::die_with_parent();
    }
    raise_loopback()
}

#[cfg(not(target_os = "linux"))]
pub fn leave_network() -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "only Linux has network namespaces"))
}

#[cfg(target_os = "linux")]
fn unshare(what: libc::c_int) -> io::Result<()> {
    // SAFETY: the call takes an integer and changes nothing but what this process shares with others.
    if unsafe { libc::unshare(what) } == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Brings up the loopback interface of a new namespace: a cell may talk with a server that it has started itself.
#[cfg(target_os = "linux")]
fn raise_loopback() -> io::Result<()> {
    use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

    // SAFETY: the call gives a new descriptor, which nobody else has.
    let socket = unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
    if socket < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: as above.
    let socket = unsafe { OwnedFd::from_raw_fd(socket) };
    // SAFETY: all bytes zero are a valid value of this plain structure.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (place, byte) in request.ifr_name.iter_mut().zip(*b"lo\0") {
        *place = libc::c_char::from_ne_bytes([byte]);
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: the request lives as long as the call.
    if unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &raw mut request) } == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
