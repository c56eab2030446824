//! A name service whose answers a test decides.
//!
//! It speaks DNS over UDP like any other, so that what looks up names is tested as it is: several
//! addresses behind one name, an answer that changes, a service that fails or says nothing.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::rdata::A;
use hickory_proto::rr::{RData, Record, RecordType};

/// How often the thread looks whether it is still wanted.
const POLL: Duration = Duration::from_millis(100);
/// Longest question, in bytes.
const MOST: usize = 1500;

/// What the service says of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Says {
    /// These addresses; with none, that the name exists and has none.
    Addresses(Vec<Ipv4Addr>),
    /// That there is no such name.
    Unknown,
    /// That it cannot tell.
    Failure,
    /// Nothing at all.
    Silence,
}

/// A name service on a free port of loopback.
#[derive(Debug)]
pub struct NameService {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    says: Mutex<BTreeMap<String, Says>>,
    questions: AtomicUsize,
    over: AtomicBool,
}

impl NameService {
    /// Starts one that knows no name.
    ///
    /// # Panics
    /// When there is no free port.
    #[must_use]
    #[expect(clippy::panic, reason = "a test without its name service cannot run")]
    pub fn start() -> Self {
        match Self::try_start() {
            Ok(service) => service,
            Err(error) => panic!("no name service: {error:#}"),
        }
    }

    fn try_start() -> anyhow::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
        socket.set_read_timeout(Some(POLL))?;
        let address = socket.local_addr()?;
        let shared = Arc::new(Shared::default());
        let own = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("names".to_owned())
            .spawn(move || answer_all(&socket, &own))?;
        Ok(Self { address, shared })
    }

    /// Where it is asked.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it says of `name` from now on.
    pub fn set(&self, name: &str, says: Says) {
        let mut known = lock(&self.shared);
        known.insert(name.to_ascii_lowercase(), says);
    }

    /// As [`NameService::set`], with addresses of loopback by their last number.
    pub fn set_loopback(&self, name: &str, last: &[u8]) {
        let ip = |last: &u8| Ipv4Addr::new(127, 0, 0, *last);
        self.set(name, Says::Addresses(last.iter().map(ip).collect()));
    }

    /// How many questions it was asked.
    #[must_use]
    pub fn questions(&self) -> usize {
        self.shared.questions.load(Ordering::Relaxed)
    }
}

impl Drop for NameService {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
    }
}

fn lock(shared: &Shared) -> std::sync::MutexGuard<'_, BTreeMap<String, Says>> {
    shared.says.lock().unwrap_or_else(PoisonError::into_inner)
}

fn answer_all(socket: &UdpSocket, shared: &Shared) {
    let mut buffer = [0_u8; MOST];
    while !shared.over.load(Ordering::Relaxed) {
        let Ok((length, asker)) = socket.recv_from(&mut buffer) else {
            continue;
        };
        let Ok(question) = Message::from_vec(&buffer[..length]) else {
            continue;
        };
        shared.questions.fetch_add(1, Ordering::Relaxed);
        if let Some(answer) = answer(&question, shared).and_then(|answer| answer.to_vec().ok()) {
            drop(socket.send_to(&answer, asker));
        }
    }
}

/// The answer to a question; `None` where nothing is said.
fn answer(question: &Message, shared: &Shared) -> Option<Message> {
    let query = question.queries.first()?;
    let name = query.name().to_utf8().to_ascii_lowercase();
    let known = lock(shared);
    let says = known
        .get(name.trim_end_matches('.'))
        .unwrap_or(&Says::Unknown);
    let mut answer = Message::response(question.metadata.id, question.metadata.op_code);
    answer.metadata.authoritative = true;
    answer.metadata.recursion_desired = question.metadata.recursion_desired;
    answer.metadata.recursion_available = true;
    answer.add_query(query.clone());
    match says {
        Says::Silence => return None,
        Says::Failure => answer.metadata.response_code = ResponseCode::ServFail,
        Says::Unknown => answer.metadata.response_code = ResponseCode::NXDomain,
        Says::Addresses(addresses) => {
            answer.add_answers(addresses.iter().filter_map(|ip| record(query, *ip)));
        }
    }
    Some(answer)
}

/// An address as an answer to `query`; it lives for no time at all.
fn record(query: &Query, ip: Ipv4Addr) -> Option<Record> {
    let wanted = query.query_type() == RecordType::A && IpAddr::V4(ip).is_loopback();
    wanted.then(|| Record::from_rdata(query.name().clone(), 0, RData::A(A(ip))))
}
