//! Plays a reply onto a wire: first the moves as a list, then the body that makes them.
//!
//! What is sent when is decided in one pure function, the same for both wires and for whole and
//! streamed answers, so that a fault means the same everywhere.

use std::collections::VecDeque;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream;
use serde_json::Value;

use super::record::Open;
use super::script::{Fault, Reply, ToolCall, UsageReport};

/// How one protocol writes the parts of an answer.
pub(crate) trait Wire: Send + Sync {
    /// Media type of a stream.
    const STREAM_TYPE: &'static str;
    /// All that comes before the first piece.
    fn opening(&self) -> Vec<Bytes> {
        vec![]
    }
    /// A tool call, in a stream alone.
    fn tool_call(&self, call: &ToolCall) -> Vec<Bytes>;
    /// One piece of text.
    fn piece(&self, text: &str) -> Bytes;
    /// All that follows the last piece, the terminator included.
    fn closing(&self, end: &End) -> Vec<Bytes>;
    /// A whole answer.
    fn whole(&self, text: &str, end: &End) -> Value;
    /// An error object.
    fn error(&self, status: StatusCode) -> Value;
    /// A value as one event of a stream.
    fn event(&self, json: &str) -> Bytes;
}

/// How an answer ends.
#[derive(Debug, Clone)]
pub(crate) struct End {
    pub(crate) finish_reason: String,
    pub(crate) usage: Option<Counts>,
}

/// Token counts as a wire reports them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) input: u64,
    pub(crate) cached: u64,
    pub(crate) output: u64,
    pub(crate) reasoning: u64,
}

/// What a call asked for, as far as playing needs it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask {
    pub(crate) stream: bool,
    pub(crate) prompt_bytes: usize,
    pub(crate) max_tokens: Option<usize>,
}

/// Lets what was sent before a cut leave the process: a server that drops a connection drops what
/// it has not written yet, too.
const BEFORE_CUT: Move = Move::Wait(Duration::from_millis(20));

/// One move of a body.
#[derive(Debug, Clone, PartialEq)]
enum Move {
    Wait(Duration),
    Send(Bytes),
    Cut,
    Hang,
    /// The same again and again, a millisecond apart.
    Forever(Bytes),
}

/// Answers a call with a reply.
pub(crate) async fn play<W: Wire>(wire: &W, reply: &Reply, ask: Ask, mut open: Open) -> Response {
    tokio::time::sleep(reply.first_delay).await;
    if let Some(refusal) = refuse(wire, &reply.fault) {
        open.over();
        return refusal;
    }
    let (pieces, end) = cut_to_size(reply, ask);
    let moves = if ask.stream {
        stream_moves(wire, reply, &pieces, &end)
    } else {
        whole_moves(wire, reply, &pieces.concat(), &end)
    };
    let moves = match reply.fault {
        Fault::Drip => drip(moves, reply.pace),
        _ => moves,
    };
    let media_type = match (&reply.fault, ask.stream) {
        (Fault::Html, _) => "text/html",
        (_, true) => W::STREAM_TYPE,
        (_, false) => "application/json",
    };
    let body = Body::from_stream(stream::unfold((VecDeque::from(moves), open), step));
    let mut response = Response::new(body);
    let value = HeaderValue::from_static(media_type);
    response.headers_mut().insert(header::CONTENT_TYPE, value);
    response
}

type Playing = (VecDeque<Move>, Open);

/// Makes moves up to the next thing to send.
async fn step((mut moves, mut open): Playing) -> Option<(std::io::Result<Bytes>, Playing)> {
    loop {
        match moves.pop_front()? {
            Move::Wait(time) => tokio::time::sleep(time).await,
            Move::Hang => std::future::pending::<()>().await,
            Move::Send(bytes) => {
                if moves.is_empty() {
                    open.over();
                }
                return Some((Ok(bytes), (moves, open)));
            }
            Move::Forever(bytes) => {
                tokio::time::sleep(Duration::from_millis(1)).await;
                moves.push_front(Move::Forever(bytes.clone()));
                return Some((Ok(bytes), (moves, open)));
            }
            Move::Cut => {
                open.over();
                return Some((Err(std::io::Error::other("cut by script")), (moves, open)));
            }
        }
    }
}

/// The response of faults that leave no body to play.
fn refuse<W: Wire>(wire: &W, fault: &Fault) -> Option<Response> {
    let mut response = match fault {
        Fault::Status { code, body, .. } => {
            let status = StatusCode::from_u16(*code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let body = body.clone().unwrap_or_else(|| wire.error(status));
            (status, axum::Json(body)).into_response()
        }
        Fault::Redirect(to) => {
            (StatusCode::TEMPORARY_REDIRECT, [("location", to.as_str())]).into_response()
        }
        _ => return None,
    };
    if let Fault::Status {
        retry_after: Some(after),
        ..
    } = fault
        && let Ok(value) = HeaderValue::from_str(after)
    {
        response.headers_mut().insert(header::RETRY_AFTER, value);
    }
    Some(response)
}

/// Cuts a reply to the asked number of tokens, a piece being one, and counts.
fn cut_to_size(reply: &Reply, ask: Ask) -> (Vec<String>, End) {
    let mut pieces = reply.split();
    let mut finish_reason = reply.finish_reason.clone();
    if let Some(max) = ask.max_tokens.filter(|max| *max < pieces.len()) {
        pieces.truncate(max);
        "length".clone_into(&mut finish_reason);
    }
    let usage = match reply.usage {
        UsageReport::Absent => None,
        UsageReport::Exact => Some(Counts {
            input: (ask.prompt_bytes as u64).div_ceil(4),
            cached: 0,
            output: pieces.len() as u64,
            reasoning: 0,
        }),
        UsageReport::Counts {
            input,
            cached,
            output,
        } => Some(Counts {
            input,
            cached,
            output,
            reasoning: 0,
        }),
        UsageReport::Thought {
            input,
            output,
            reasoning,
        } => Some(Counts {
            input,
            cached: 0,
            output,
            reasoning,
        }),
    };
    let end = End {
        finish_reason,
        usage,
    };
    (pieces, end)
}

fn stream_moves<W: Wire>(wire: &W, reply: &Reply, pieces: &[String], end: &End) -> Vec<Move> {
    let (sent, ending) = match &reply.fault {
        Fault::None | Fault::Status { .. } | Fault::Redirect(_) | Fault::Drip => {
            let calls = reply.tool_calls.iter();
            let mut ending: Vec<Bytes> = calls.flat_map(|call| wire.tool_call(call)).collect();
            ending.extend(wire.closing(end));
            (pieces.len(), sends(ending))
        }
        Fault::Disconnect { after } => (*after, vec![BEFORE_CUT, Move::Cut]),
        Fault::Truncate { after } => (*after, vec![]),
        Fault::NoTerminator => {
            let mut ending = wire.closing(end);
            ending.pop();
            (pieces.len(), sends(ending))
        }
        Fault::Stall { after } => (*after, vec![Move::Hang]),
        Fault::Malformed { after } => (*after, sends(vec![wire.event("{\"oops\": ")])),
        Fault::ErrorInside { after } => {
            let error = wire.error(StatusCode::INTERNAL_SERVER_ERROR).to_string();
            (*after, sends(vec![wire.event(&error)]))
        }
        Fault::Flood { bytes } => return flood(*bytes),
        Fault::Html => return html(),
        Fault::Endless => {
            let first = pieces.first().map_or("again ", String::as_str);
            (pieces.len(), vec![Move::Forever(wire.piece(first))])
        }
    };
    let mut moves = sends(wire.opening());
    for (index, piece) in pieces.iter().take(sent).enumerate() {
        if index > 0 && !reply.pace.is_zero() {
            moves.push(Move::Wait(reply.pace));
        }
        moves.push(Move::Send(wire.piece(piece)));
    }
    moves.extend(ending);
    moves
}

fn whole_moves<W: Wire>(wire: &W, reply: &Reply, text: &str, end: &End) -> Vec<Move> {
    let whole = Bytes::from(wire.whole(text, end).to_string());
    let half = whole.slice(..whole.len() / 2);
    match &reply.fault {
        Fault::None | Fault::Status { .. } | Fault::Redirect(_) | Fault::Drip => {
            vec![Move::Send(whole)]
        }
        Fault::Endless => vec![Move::Send(half), Move::Forever(Bytes::from_static(b" "))],
        Fault::Disconnect { .. } => vec![Move::Send(half), BEFORE_CUT, Move::Cut],
        Fault::Truncate { .. } | Fault::NoTerminator | Fault::Malformed { .. } => {
            vec![Move::Send(half)]
        }
        Fault::Stall { .. } => vec![Move::Hang],
        Fault::ErrorInside { .. } => {
            let error = wire.error(StatusCode::INTERNAL_SERVER_ERROR).to_string();
            vec![Move::Send(error.into())]
        }
        Fault::Flood { bytes } => flood(*bytes),
        Fault::Html => html(),
    }
}

/// The same moves, byte by byte.
fn drip(moves: Vec<Move>, pace: Duration) -> Vec<Move> {
    let bytes = |bytes: Bytes| {
        let each = (0..bytes.len()).map(move |at| Move::Send(bytes.slice(at..=at)));
        each.flat_map(move |byte| [Move::Wait(pace), byte])
    };
    let slowly = |one| match one {
        Move::Send(all) => bytes(all).collect(),
        other => vec![other],
    };
    moves.into_iter().flat_map(slowly).collect()
}

fn sends(events: Vec<Bytes>) -> Vec<Move> {
    events.into_iter().map(Move::Send).collect()
}

fn flood(bytes: usize) -> Vec<Move> {
    const CHUNK: usize = 64 * 1024;
    let chunk = Bytes::from(vec![b'x'; CHUNK]);
    vec![Move::Send(chunk); bytes.div_ceil(CHUNK)]
}

fn html() -> Vec<Move> {
    let page = "<html><body><h1>Welcome to the proxy</h1></body></html>\n";
    vec![Move::Send(Bytes::from_static(page.as_bytes()))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_drips_comes_byte_by_byte_with_a_wait_before_each() {
        let pace = Duration::from_secs(1);
        let send = |byte: &'static str| Move::Send(Bytes::from_static(byte.as_bytes()));
        let moves = drip(vec![send("ab"), Move::Hang], pace);
        let wait = || Move::Wait(pace);
        assert_eq!(moves, [wait(), send("a"), wait(), send("b"), Move::Hang]);
    }
}
