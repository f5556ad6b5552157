//! Who listens on a port, as far as the kernel tells this user.

use std::fs;
use std::path::Path;

/// The state LISTEN in `/proc/net/tcp` (`include/net/tcp_states.h` of Linux).
const LISTEN: &str = "0A";

/// Longer command names are cut, so that a message stays one line.
const NAME_WIDTH: usize = 24;

/// A process that listens on a port.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    pub(crate) pid: i32,
    pub(crate) name: String,
}

/// Finds who listens on a TCP port of any address. Processes of other users
/// hide their sockets: then there is no answer.
pub(crate) fn of(port: u16) -> Option<Holder> {
    let sockets = listening_sockets(port);
    let entries = fs::read_dir("/proc").ok()?;
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .find(|pid| has_one_of(*pid, &sockets))
        .map(|pid| Holder { pid, name: name_of(pid) })
}

fn listening_sockets(port: u16) -> Vec<u64> {
    ["/proc/net/tcp", "/proc/net/tcp6"]
        .into_iter()
        .filter_map(|path| fs::read_to_string(path).ok())
        .flat_map(|table| inodes(&table, port))
        .collect()
}

/// The inodes of the sockets that listen on a port, from a table as described
/// in the kernel's `networking/proc_net_tcp` documentation.
fn inodes(table: &str, port: u16) -> Vec<u64> {
    table.lines().skip(1).filter_map(|line| listening(line, port)).collect()
}

fn listening(line: &str, port: u16) -> Option<u64> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (_, local_port) = fields.get(1)?.rsplit_once(':')?;
    let is_it = u16::from_str_radix(local_port, 16) == Ok(port) && *fields.get(3)? == LISTEN;
    if !is_it {
        return None;
    }
    fields.get(9)?.parse().ok()
}

fn has_one_of(pid: i32, sockets: &[u64]) -> bool {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return false;
    };
    descriptors
        .flatten()
        .filter_map(|descriptor| fs::read_link(descriptor.path()).ok())
        .filter_map(|target| socket_inode(&target))
        .any(|inode| sockets.contains(&inode))
}

/// `socket:[123]` as a number.
fn socket_inode(target: &Path) -> Option<u64> {
    let text = target.to_str()?.strip_prefix("socket:[")?;
    text.strip_suffix(']')?.parse().ok()
}

fn name_of(pid: i32) -> String {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    name.trim().chars().take(NAME_WIDTH).collect()
}

#[cfg(test)]
mod tests {
    use super::{inodes, of, socket_inode};
    use std::net::TcpListener;

    const TABLE: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1628 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0000 100 0 0 10 0
   1: 0100007F:1628 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0000 20 4 30 10 -1
   2: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 815 1 0000 100 0 0 10 0
";

    #[test]
    fn only_listening_sockets_of_the_port_are_found() {
        assert_eq!(inodes(TABLE, 5672), [4711]);
        assert_eq!(inodes(TABLE, 80), [815]);
        assert_eq!(inodes(TABLE, 81), [0_u64; 0]);
    }

    #[test]
    fn a_socket_link_names_its_inode() {
        assert_eq!(socket_inode("socket:[77]".as_ref()), Some(77));
        assert_eq!(socket_inode("/dev/null".as_ref()), None);
    }

    #[test]
    fn this_process_is_found_by_its_port() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let holder = of(listener.local_addr().unwrap().port()).unwrap();
        assert_eq!(holder.pid, i32::try_from(std::process::id()).unwrap());
    }
}
