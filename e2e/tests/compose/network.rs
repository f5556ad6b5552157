//! What the machine's network sees of a laboratory.

use std::time::Duration;

use e2e::Stack;
use tokio::{net::TcpStream, time::timeout};

use crate::hardening::published;

/// An address of this machine answers or refuses at once.
const PATIENCE: Duration = Duration::from_secs(5);

/// Tried out at an address of this machine that is not its loopback: where the
/// network's containers find it, and other machines at another of its addresses.
pub(super) async fn only_the_door_is_open_to_the_network(stack: &Stack) {
    let network = format!("{}_acceso", stack.project().name());
    let format = "--format '{{(index .IPAM.Config 0).Gateway}}'";
    let address = stack.succeed(&format!("docker network inspect {network} {format}")).await;
    let containers = stack.inspect_all().await;
    let ports: Vec<u16> = containers.iter().flat_map(published).map(|(_, port)| port).collect();
    assert!(ports.len() >= 11, "{ports:?}");
    for port in ports {
        let connecting = TcpStream::connect((address.trim(), port));
        let is_open = timeout(PATIENCE, connecting).await.is_ok_and(|connected| connected.is_ok());
        assert_eq!(is_open, port == stack.port("HTTP_PORT"), "{} {port}", address.trim());
    }
}
