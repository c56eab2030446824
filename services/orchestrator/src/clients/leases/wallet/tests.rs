use super::*;
use proptest::prelude::*;

const TTL: Duration = Duration::from_secs(4);
const PATIENCE: Duration = Duration::from_mins(10);

struct Hand {
    wallet: Wallet,
    payer: Payer,
    now: Instant,
}

impl Hand {
    fn new() -> Self {
        Self {
            wallet: Wallet::new(TTL, PATIENCE),
            payer: Payer {
                project: ProjectName::new("default").unwrap(),
                key_id: String::new(),
            },
            now: Instant::now(),
        }
    }

    /// A wallet with a lease of a hundred.
    fn with_lease() -> (Self, RequestId) {
        let mut hand = Self::new();
        for _ in 0..HOT {
            assert!(!hand.take(10).1);
        }
        let errands = hand.wallet.errands(hand.now);
        assert!(matches!(errands.as_slice(), [Errand::Acquire { .. }]));
        let id = RequestId::generate();
        hand.acquired(id, 100);
        (hand, id)
    }

    fn take(&mut self, amount: i64) -> (RequestId, bool) {
        let id = RequestId::generate();
        let ask = Ask {
            payer: self.payer.clone(),
            request_id: id,
            step: Step::Attempt(0),
            worst_case: NanoUsd::new(amount),
            target: StepTarget::default(),
        };
        let taken = self.wallet.take(ask, self.now);
        (id, taken)
    }

    fn acquired(&mut self, id: RequestId, granted: i64) {
        let (payer, told) = (self.payer.clone(), self.told(granted));
        self.wallet.acquired(&payer, id, told);
    }

    fn told(&self, granted: i64) -> Told {
        Told {
            sent: self.now,
            granted: NanoUsd::new(granted),
            usable_until: self.now + TTL / 4 * 3,
            recalled: false,
        }
    }

    fn errands(&mut self) -> Vec<Errand> {
        self.wallet.errands(self.now)
    }
}

fn give_back(lease_id: RequestId, outstanding: i64) -> Errand {
    Errand::GiveBack {
        lease_id,
        outstanding: NanoUsd::new(outstanding),
    }
}

#[tokio::test(start_paused = true)]
async fn a_budget_that_is_seldom_asked_gets_no_lease() {
    let mut hand = Hand::new();
    for _ in 1..HOT {
        hand.take(10);
    }
    assert_eq!(hand.errands(), []);
}

#[tokio::test(start_paused = true)]
async fn no_more_is_taken_than_there_is_and_none_when_the_ledger_may_think_nobody_is_here() {
    let (mut hand, id) = Hand::with_lease();
    assert!(hand.take(70).1);
    assert!(!hand.take(40).1);
    let (request, taken) = hand.take(30);
    assert!(taken);
    let found = hand.wallet.taken(request, Step::Attempt(0)).unwrap();
    assert_eq!((found.lease_id, found.amount), (id, NanoUsd::new(30)));
    let (mut hand, _) = Hand::with_lease();
    hand.now += TTL / 4 * 3;
    assert!(!hand.take(10).1);
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_runs_low_grows_and_a_quiet_one_is_given_back() {
    let (mut hand, id) = Hand::with_lease();
    hand.take(60);
    let errands = hand.errands();
    let more = NanoUsd::new(60 + 60 + 60 - 40);
    assert_eq!(errands, [Errand::Renew { lease_id: id, more }]);
    hand.wallet.renewed(id, hand.told(150));
    assert!(hand.take(90).1);
    hand.now += TTL + Duration::from_millis(1);
    assert_eq!(hand.errands(), [give_back(id, 150)]);
}

#[tokio::test(start_paused = true)]
async fn what_was_never_called_is_free_again() {
    let (mut hand, _) = Hand::with_lease();
    let (request, _) = hand.take(100);
    assert!(!hand.take(1).1);
    hand.wallet.over(request);
    assert!(hand.take(100).1);
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_asked_back_goes_first_in_part_and_then_as_a_whole() {
    let (mut hand, id) = Hand::with_lease();
    let (request, _) = hand.take(30);
    let recalled = Told {
        recalled: true,
        ..hand.told(100)
    };
    hand.wallet.renewed(id, recalled);
    assert!(!hand.take(10).1);
    assert_eq!(hand.errands(), [give_back(id, 30)]);
    hand.wallet.given_back(id, NanoUsd::new(30));
    assert_eq!(hand.errands(), []);
    hand.now += TTL / 4;
    let alive = Errand::Renew {
        lease_id: id,
        more: NanoUsd::ZERO,
    };
    assert_eq!(hand.errands(), [alive], "a call goes on");
    hand.wallet.settled(request, Step::Attempt(0));
    assert_eq!(hand.errands(), [give_back(id, 0)]);
    hand.wallet.given_back(id, NanoUsd::ZERO);
    hand.errands();
    assert!(hand.wallet.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_lost_lease_puts_the_books_right_and_lives_no_more() {
    let (mut hand, id) = Hand::with_lease();
    let (request, _) = hand.take(30);
    hand.wallet.lost(id, hand.now);
    assert_eq!(hand.errands(), [give_back(id, 30)]);
    hand.wallet.given_back(id, NanoUsd::new(30));
    hand.now += TTL;
    assert_eq!(hand.errands(), []);
    hand.wallet.settled(request, Step::Attempt(0));
    assert_eq!(hand.errands(), [give_back(id, 0)]);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_settles_is_left_to_the_ledger() {
    let (mut hand, id) = Hand::with_lease();
    hand.take(30);
    hand.now += PATIENCE + Duration::from_millis(1);
    assert_eq!(hand.errands(), [give_back(id, 30)]);
    hand.wallet.given_back(id, NanoUsd::new(30));
    hand.errands();
    assert!(hand.wallet.is_empty(), "and not renewed");
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_nobody_heard_of_is_given_back() {
    let mut hand = Hand::new();
    hand.take(10);
    let id = RequestId::generate();
    let payer = hand.payer.clone();
    hand.wallet.unheard_of(&payer, id, hand.now);
    assert!(!hand.take(1).1);
    assert_eq!(hand.errands(), [give_back(id, 0)]);
}

#[tokio::test(start_paused = true)]
async fn where_nothing_was_to_lend_the_ledger_is_left_alone_for_a_while() {
    let mut hand = Hand::new();
    hand.take(10);
    hand.acquired(RequestId::generate(), 0);
    for _ in 0..HOT {
        hand.take(10);
    }
    assert_eq!(hand.errands(), []);
    hand.now += TTL;
    for _ in 0..HOT {
        hand.take(10);
    }
    assert_eq!(hand.errands().len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]
    #[test]
    fn what_is_free_and_outstanding_never_passes_what_was_lent(
        calls in prop::collection::vec((0..5_u8, 1..60_i64), 1..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let _guard = runtime.enter();
        let (mut hand, id) = Hand::with_lease();
        let (mut granted, mut settled, mut open) = (100, 0, Vec::new());
        for (call, amount) in calls {
            match call {
                0 | 1 => {
                    let (request, taken) = hand.take(amount);
                    if taken { open.push((request, amount)); }
                }
                2 => if let Some((request, amount)) = open.pop() {
                    hand.wallet.settled(request, Step::Attempt(0));
                    settled += amount;
                },
                3 => if let Some((request, _)) = open.pop() {
                    hand.wallet.over(request);
                },
                _ => {
                    granted += amount;
                    hand.wallet.renewed(id, hand.told(granted));
                }
            }
            let lease = &hand.wallet.leases[&id];
            let taken: i64 = open.iter().map(|(_, amount)| amount).sum();
            prop_assert_eq!(lease.outstanding.get(), taken);
            prop_assert!(lease.free >= NanoUsd::ZERO);
            prop_assert_eq!(lease.free.get() + taken + settled, granted);
        }
    }
}
