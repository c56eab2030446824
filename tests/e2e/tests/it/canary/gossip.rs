//! A judge of the user's own that cannot keep anything to itself: it quotes what it judges, in what it
//! finds and in its errors.

use std::net::SocketAddr;

use terrace_proto::convert::text_of_parts;
use terrace_proto::judge::v1::judge_service_server::{JudgeService, JudgeServiceServer};
use terrace_proto::judge::v1::{
    CheckFinding, JudgeRequest, JudgeResponse, JudgeStreamRequest, JudgeStreamResponse, Verdict,
};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Server;
use tonic::{Request, Response, Status, Streaming};

/// Said in a question, it makes the judge fail.
pub(super) const BREAKS: &str = "break the judge";
/// Said in a question, it makes the judge refuse the answer.
pub(super) const REFUSES: &str = "annoy the judge";

struct Gossip;

/// Starts it.
#[expect(clippy::disallowed_methods, reason = "part of a test, ends with it")]
pub(super) async fn start() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::builder().add_service(JudgeServiceServer::new(Gossip));
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    address
}

#[tonic::async_trait]
impl JudgeService for Gossip {
    async fn judge(
        &self,
        request: Request<JudgeRequest>,
    ) -> Result<Response<JudgeResponse>, Status> {
        let request = request.into_inner();
        let asked: String = request.messages.iter().map(text_of_parts).collect();
        let answer = text_of_parts(&request.output.unwrap_or_default());
        if asked.contains(BREAKS) {
            return Err(Status::internal(format!("cannot judge {answer}")));
        }
        let passed = !asked.contains(REFUSES);
        let score = if passed { 1.0 } else { 0.1 };
        let finding = CheckFinding {
            check: "gossip".to_owned(),
            score,
            weight: 1.0,
            hard_failure: !passed,
            finding: format!("it says: {answer}"),
        };
        let verdict = Verdict {
            score,
            passed,
            threshold: 0.5,
            checks: vec![finding],
            undecided: false,
        };
        Ok(Response::new(JudgeResponse {
            verdict: Some(verdict),
            ..JudgeResponse::default()
        }))
    }

    type JudgeStreamStream = tokio_stream::Empty<Result<JudgeStreamResponse, Status>>;

    async fn judge_stream(
        &self,
        _: Request<Streaming<JudgeStreamRequest>>,
    ) -> Result<Response<Self::JudgeStreamStream>, Status> {
        Err(Status::unimplemented("asked for whole answers alone"))
    }
}
