//! What `terrace up` says when it can be called: for people, and one line for scripts.

use terrace_proto::router::v1::ListModelsRequest;
use terrace_proto::router::v1::ListModelsResponse;
use terrace_proto::router::v1::router_service_client::RouterServiceClient;
use terrace_rpc::Link;

use crate::client::soon;
use crate::output::Output;
use crate::render;
use crate::style::{STRONG, heading, paint};
use crate::table::{Grid, Tone};

/// Where a client looks unless it is told otherwise.
const DEFAULT_ADDRESS: &str = "http://127.0.0.1:7600";
/// What the ledger is called in the report.
const LEDGER: &str = "cost-ledger";

/// What the HTTP way in is called in the report.
const EDGE: &str = "edge";

/// Instead of the models, where a key is needed to see them.
const KEY_NEEDED: &str = "callers need a key: `terrace models` with TERRACE_API_KEY lists them\n";

/// One service and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    name: String,
    place: String,
    /// Whether it was started here, not found running.
    started: bool,
}

impl Part {
    /// A service that was started at `place`.
    pub(super) fn started(name: impl Into<String>, place: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            place: place.into(),
            started: true,
        }
    }

    /// The HTTP way in, listening at `place`.
    pub(super) fn edge(place: &str) -> Self {
        Self::started(EDGE, place)
    }

    /// A service that the config places at an address, where it runs or not.
    pub(super) fn elsewhere(name: impl Into<String>, place: impl Into<String>) -> Self {
        Self {
            started: false,
            ..Self::started(name, place)
        }
    }

    fn is_in_process(&self) -> bool {
        !self.place.starts_with("http")
    }
}

/// Prints the report; `router` leads to the orchestrator at `address`.
pub(super) async fn print(output: Output, address: &str, parts: &[Part], router: Link) {
    let mut client = RouterServiceClient::new(router);
    let listed = client.list_models(soon(ListModelsRequest {})).await;
    let models = match listed {
        Ok(models) => render::models(models.get_ref(), output.width()),
        Err(refused) if refused.code() == tonic::Code::Unauthenticated => KEY_NEEDED.to_owned(),
        Err(_) => render::models(&ListModelsResponse::default(), output.width()),
    };
    let text = report(address, parts, &models, output.width());
    // Terrace serves all the same when nobody reads what it says.
    let _closed = output.print(&text);
}

fn report(address: &str, parts: &[Part], models: &str, width: Option<u16>) -> String {
    let mut grid = Grid::without_header(&["service", "place"], width);
    grid.row([(Tone::Plain, "orchestrator"), (Tone::Strong, address)]);
    for part in parts {
        let remark = match (part.name.as_str(), part.started) {
            (_, false) => "as the config says, not started here",
            // A ledger starts only when its database has answered.
            (LEDGER, true) => "PostgreSQL reached",
            (EDGE, true) => "HTTP: /v1 of OpenAI and Anthropic, /dashboard for people",
            _ => "",
        };
        let place = part.place.as_str();
        grid.row([
            (Tone::Plain, part.name.as_str()),
            (Tone::Plain, place),
            (Tone::Dim, remark),
        ]);
    }
    let mut text = format!("{}\n{}", heading("Services"), grid.render());
    text += &format!("{}\n{}", heading("Models"), models);
    text += &hints(address, parts);
    text + &format!("{}\n", paint(STRONG, format_args!("ready {address}")))
}

fn hints(address: &str, parts: &[Part]) -> String {
    let ledger = parts.iter().find(|part| part.name == LEDGER);
    let books = match ledger {
        Some(part) if !part.is_in_process() => part.place.as_str(),
        _ => address,
    };
    format!(
        "{}\n  terrace{} route --prompt \"Classify in kebab-case: caching for async memory\" \
         --action classify_memory\n  terrace{} cost\n",
        heading("Try"),
        server(address),
        server(books),
    )
}

/// The flag that is needed to reach `address`.
fn server(address: &str) -> String {
    if address.trim_end_matches('/') == DEFAULT_ADDRESS {
        return String::new();
    }
    format!(" --server {address}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(address: &str, parts: &[Part]) -> String {
        let text = report(
            address,
            parts,
            &render::models(&render::testing::models(), None),
            None,
        );
        anstream::adapter::strip_str(&text).to_string()
    }

    #[test]
    fn the_last_line_is_for_scripts() {
        let text = plain(DEFAULT_ADDRESS, &[Part::started(LEDGER, "in process")]);
        assert_eq!(text.lines().last(), Some("ready http://127.0.0.1:7600"));
        assert!(
            text.contains("cost-ledger   in process             PostgreSQL reached\n"),
            "{text}"
        );
        assert!(text.contains("  terrace cost\n"), "{text}");
    }

    #[test]
    fn hints_name_the_server_where_it_is_not_the_usual_one() {
        let ledger = Part::started(LEDGER, "http://127.0.0.1:4001");
        let text = plain("http://127.0.0.1:4000", &[ledger]);
        assert!(
            text.contains("terrace --server http://127.0.0.1:4000 route"),
            "{text}"
        );
        assert!(
            text.contains("terrace --server http://127.0.0.1:4001 cost"),
            "{text}"
        );
    }

    #[test]
    fn a_scripted_model_is_named_as_one() {
        let text = plain(DEFAULT_ADDRESS, &[]);
        assert!(text.contains("scripted stand-in, no real model"), "{text}");
    }
}
