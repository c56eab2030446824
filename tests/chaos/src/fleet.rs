//! The attack by number: many orchestrators spend one budget at once, until nothing is left.
//!
//! There are more questions than the budget can pay. When the crowd has gone, questions are asked
//! one by one until none is answered any more: what is left then is less than one call may cost, and
//! nothing of it is set aside by anybody.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use terrace_domain::{NanoUsd, Reason};
use terrace_proto::router::v1::ExplainRequest;
use terrace_proto::router::v1::router_service_client::RouterServiceClient;
use terrace_rpc::deadline::{Deadline, request_within};
use terrace_rpc::link::Link;
use terrace_testkit::Session;
use tokio::time::{Instant, sleep};

use crate::books;
use crate::callers::{Heard, ask, ask_all, paid};
use crate::claims::{Claim, answers_are_booked, nothing_is_booked_twice};
use crate::killed::proof;
use crate::observer::Observer;
use crate::report::{Report, Tally, answers, seconds};
use crate::site::{COST, Setup, Site};

/// Longer than an orchestrator remembers that a budget had no room.
const FORGETTING: Duration = Duration::from_millis(1500);
/// Until what was open is written or presumed.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long one call may take.
const CALL: Duration = Duration::from_secs(10);
/// What the budget has beyond whole answers: more than nothing, less than one.
const ODD: i64 = 123_456;

/// What an attack is to be.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Orchestrator processes.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub orchestrators: u16,
    /// Requests in all; the budget can pay three quarters of them.
    #[arg(long, default_value_t = 20_000)]
    pub requests: usize,
    /// Requests at once to each orchestrator.
    #[arg(long, default_value_t = 8)]
    pub at_once: usize,
    /// Let the orchestrators decide over leases by themselves.
    #[arg(long)]
    pub leases: bool,
    /// Write the log of each process to a file in this folder.
    #[arg(long, value_name = "FOLDER")]
    pub logs: Option<PathBuf>,
}

/// Starts everything, asks, and says what came of it.
///
/// # Errors
/// Something does not start, or a call fails that must not.
pub async fn run(args: &Args) -> anyhow::Result<Report> {
    let affordable = i64::try_from(args.requests * 3 / 4)?;
    let budget = NanoUsd::new(COST.get() * affordable + ODD);
    let site = Site::start(Setup {
        orchestrators: args.orchestrators.into(),
        daily_budget: budget,
        reservation_ttl_s: 60,
        spool: false,
        leases: args.leases,
        surroundings: None,
    })
    .await?;
    let links = site.orchestrators.iter();
    let links: Result<Vec<Link>, _> = links.map(|service| site.link(service)).collect();
    let links = links?;
    let worst_case = worst_case(links.first().context("no orchestrator")?).await?;
    let observer = Observer::start(&site.database)?;
    let began = Instant::now();
    let mut heard = ask_all(&links, args.requests, args.at_once).await;
    let took = began.elapsed();
    heard.extend(ask_for_the_rest(&links).await);
    let mut session = Session::open(&site.database.url())?;
    books::wait_until_quiet(&mut session, PATIENCE).await?;
    let budgets = observer.end()?;
    let purse = Purse::read(&mut session, budget)?;
    let books = books::read(&mut session)?;
    let claims = vec![
        Claim::of(
            "spent and reserved are within the cap at every moment",
            usize::try_from(budgets.looks).unwrap_or(usize::MAX),
            budgets.breaches.clone(),
        ),
        answers_are_booked(&answers(&heard), &books),
        nothing_is_booked_twice(&books),
        only_for_want_of_money(&heard),
        purse.nothing_is_stranded(worst_case),
        proof(&site).await?,
    ];
    if let Some(folder) = &args.logs {
        site.write_logs(folder)?;
    }
    Ok(Report {
        attack: format!(
            "{} orchestrators and one budget of {budget}, {} requests, {} at once to each{}",
            args.orchestrators,
            args.requests,
            args.at_once,
            if args.leases { ", with leases" } else { "" },
        ),
        seconds: seconds(took),
        clients: Tally::of(&heard),
        budgets: Some(budgets),
        figures: purse.figures(worst_case),
        faults: Vec::new(),
        skipped: Vec::new(),
        windows: Vec::new(),
        claims,
    })
}

/// What one call may cost at worst, as the plan says.
async fn worst_case(link: &Link) -> anyhow::Result<NanoUsd> {
    let message = ExplainRequest {
        request: Some(paid().message()),
    };
    let mut router = RouterServiceClient::new(link.clone());
    let plan = router
        .explain(request_within(message, Deadline::within(CALL)))
        .await?;
    let plan = plan.into_inner().plan.unwrap_or_default();
    let candidate = plan.candidates.first().context("nobody can be asked")?;
    Ok(NanoUsd::new(candidate.worst_case_nano_usd))
}

/// Asks one by one, until every orchestrator in turn has nothing to spend.
async fn ask_for_the_rest(links: &[Link]) -> Vec<Heard> {
    let mut heard = Vec::new();
    loop {
        sleep(FORGETTING).await;
        let before = heard.len();
        for link in links {
            heard.push(ask(link.clone().into(), paid()).await);
        }
        if heard[before..].iter().all(|one| one.end.is_err()) {
            return heard;
        }
    }
}

/// Nobody went without an answer for any other reason.
fn only_for_want_of_money(heard: &[Heard]) -> Claim {
    let other = heard.iter().filter_map(|one| match &one.end {
        Ok(_) => None,
        Err(failure) if failure.reason == Reason::BudgetExhausted => None,
        Err(failure) => Some(format!("{}: {}", failure.reason, failure.message)),
    });
    Claim::of(
        "who goes without an answer does so for want of money",
        heard.len(),
        other.collect(),
    )
}

/// The budget at the end.
struct Purse {
    budget: NanoUsd,
    spent: NanoUsd,
    reserved: NanoUsd,
    /// Calls whose worst case nobody had asked the ledger for.
    from_leases: i64,
}

/// Paid calls without a hold.
const FROM_LEASES: &str = "
    SELECT count(*) FROM usage_events LEFT JOIN holds USING (request_id, step)
    WHERE cost_nano_usd > 0 AND holds.request_id IS NULL AND step <> 'lease'";

impl Purse {
    fn read(session: &mut Session, budget: NanoUsd) -> anyhow::Result<Self> {
        let mut sum = |column: &str| {
            let sql = format!("SELECT sum({column}) FROM budget_periods");
            books::number(session, &sql).map(NanoUsd::new)
        };
        let (spent, reserved) = (sum("spent_nano_usd")?, sum("reserved_nano_usd")?);
        Ok(Self {
            budget,
            spent,
            reserved,
            from_leases: books::number(session, FROM_LEASES)?,
        })
    }

    fn left(&self) -> NanoUsd {
        self.budget.minus(self.spent)
    }

    fn nothing_is_stranded(&self, worst_case: NanoUsd) -> Claim {
        let (left, reserved) = (self.left(), self.reserved);
        let about = "the last request that could be paid was answered: nothing is stranded";
        Claim::one(about, left < worst_case && reserved.is_zero(), || {
            format!("{left} left and {reserved} reserved, a call costs {worst_case} at worst")
        })
    }

    fn figures(&self, worst_case: NanoUsd) -> BTreeMap<&'static str, i64> {
        BTreeMap::from([
            ("calls paid from leases", self.from_leases),
            ("nano-USD left at the end", self.left().get()),
            ("nano-USD reserved at the end", self.reserved.get()),
            ("nano-USD that a call costs at worst", worst_case.get()),
        ])
    }
}
