//! A backend that does not stop talking: what is read of it is bounded, and follows its reader.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use terrace_config::ByteSize;
use terrace_domain::Reason;
use terrace_proto::common::v1::GenerationParams;
use terrace_proto::gateway::v1 as wire;
use terrace_rpc::deadline::{Deadline, request_within};
use terrace_rpc::status;

use crate::sandbox::{ALL, SOON, Sandbox, Wire, ask, settings};

const GIBIBYTE: u64 = 1 << 30;
/// What sockets and buffers on both sides hold at most of what nobody has read.
const IN_BETWEEN: u64 = 64 << 20;

/// A server that answers one call with the same bytes again and again, up to a gibibyte.
struct Torrent {
    url: String,
    written: Arc<AtomicU64>,
    serving: JoinHandle<()>,
}

impl Torrent {
    fn start(head: &str, event: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let written = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&written);
        let head = format!("HTTP/1.1 {head}\r\nconnection: close\r\n\r\n");
        let batch = event.repeat(16 * 1024 / event.len());
        let serving = std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            // It ends when nobody listens any more.
            drop(pour(stream, &head, &batch, &count));
        });
        Self {
            url,
            written,
            serving,
        }
    }

    fn written(&self) -> u64 {
        self.written.load(Ordering::SeqCst)
    }

    /// How much was written until nobody listened any more.
    fn end(self) -> u64 {
        self.serving.join().unwrap();
        self.written.load(Ordering::SeqCst)
    }
}

fn pour(mut stream: TcpStream, head: &str, batch: &str, count: &AtomicU64) -> std::io::Result<()> {
    let _request = stream.read(&mut [0; 64 * 1024])?;
    stream.write_all(head.as_bytes())?;
    while count.load(Ordering::SeqCst) < GIBIBYTE {
        stream.write_all(batch.as_bytes())?;
        count.fetch_add(batch.len() as u64, Ordering::SeqCst);
    }
    Ok(())
}

/// A good event of each wire.
fn event(wire: Wire) -> &'static str {
    match wire {
        Wire::OpenAi => "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"word \"}}]}\n\n",
        Wire::Ollama => "{\"message\":{\"content\":\"word \"},\"done\":false}\n",
        Wire::Anthropic => {
            "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"text\":\"word \"}}\n\n"
        }
    }
}

const STREAM: &str = "200 OK\r\ncontent-type: text/event-stream";

fn sandbox(wire: Wire, torrent: &Torrent, limit: ByteSize) -> Sandbox {
    let mut settings = settings(wire, &wire.url(&torrent.url));
    settings.backend.max_response_bytes = limit;
    settings.backend.retry.max_attempts = 1;
    settings.limits.max_output_tokens = u32::MAX;
    Sandbox::new(&settings)
}

/// Asks for an answer of any length.
fn ask_for_any_length() -> wire::Generation {
    let params = GenerationParams {
        max_output_tokens: Some(u32::MAX),
        ..GenerationParams::default()
    };
    wire::Generation {
        params: Some(params),
        ..ask()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gibibyte_of_good_events_is_cut_at_the_limit() {
    for wire in ALL {
        let torrent = Torrent::start(STREAM, event(wire));
        let sandbox = sandbox(wire, &torrent, ByteSize::mib(1));
        let streamed = sandbox.stream(ask_for_any_length()).await;
        let failure = streamed.failure.as_ref().unwrap();
        assert_eq!(failure.reason, Reason::BackendFailed, "{wire:?}");
        assert!(failure.message.contains("max_response_bytes"), "{failure}");
        assert!(!streamed.text().is_empty() && streamed.text().len() < 1 << 20);
        assert!(streamed.usage.unwrap().output_tokens > 0);
        assert!(torrent.end() < IN_BETWEEN, "{wire:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_of_a_gibibyte_is_no_event() {
    for wire in [Wire::OpenAi, Wire::Anthropic] {
        let torrent = Torrent::start(STREAM, "data: more and more and more\n");
        let sandbox = sandbox(wire, &torrent, ByteSize::mib(1024));
        let failure = sandbox.stream(ask()).await.failure.unwrap();
        assert_eq!(failure.reason, Reason::BackendMalformed, "{wire:?}");
        assert!(torrent.end() < IN_BETWEEN, "{wire:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gibibyte_instead_of_vectors_or_of_a_refusal_is_cut_too() {
    let failed = "500 Internal Server Error\r\ncontent-type: application/json";
    for wire in ALL {
        let torrent = Torrent::start(failed, "words");
        let refused = sandbox(wire, &torrent, ByteSize::mib(1))
            .stream(ask())
            .await;
        assert_eq!(refused.failure.unwrap().reason, Reason::BackendFailed);
        assert!(torrent.end() < IN_BETWEEN, "{wire:?}");
    }
    for wire in [Wire::OpenAi, Wire::Ollama] {
        let torrent = Torrent::start("200 OK\r\ncontent-type: application/json", "[[[[");
        let sandbox = sandbox(wire, &torrent, ByteSize::mib(1));
        let request = wire::EmbedRequest {
            model: "m".into(),
            inputs: vec!["a".into()],
            ..wire::EmbedRequest::default()
        };
        let request = request_within(request, Deadline::within(SOON));
        let failed = sandbox.client.clone().embed(request).await.unwrap_err();
        let failure = status::to_failure(&failed);
        assert_eq!(failure.reason, Reason::BackendFailed, "{wire:?}: {failure}");
        assert!(torrent.end() < IN_BETWEEN, "{wire:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_who_waits_makes_the_backend_wait() {
    for wire in ALL {
        let torrent = Torrent::start(STREAM, event(wire));
        let sandbox = sandbox(wire, &torrent, ByteSize::mib(1024));
        let generation = Some(ask_for_any_length());
        let request = wire::GenerateStreamRequest {
            generation,
            gather: None,
        };
        let request = request_within(request, Deadline::within(SOON * 12));
        let answer = sandbox.client.clone().generate_stream(request).await;
        let mut events = answer.unwrap().into_inner();
        for _ in 0..10 {
            assert!(events.message().await.unwrap().is_some());
        }
        let waiting = until_still(&torrent).await;
        assert!(
            waiting < IN_BETWEEN,
            "{wire:?}: {waiting} bytes nobody read"
        );
        while torrent.written() == waiting {
            assert!(events.message().await.unwrap().is_some());
        }
        drop(events);
        assert!(torrent.end() < 2 * IN_BETWEEN, "{wire:?}");
    }
}

/// Waits until nothing more is written; how much was.
async fn until_still(torrent: &Torrent) -> u64 {
    loop {
        let before = torrent.written();
        tokio::time::sleep(Duration::from_millis(250)).await;
        if torrent.written() == before {
            return before;
        }
    }
}
