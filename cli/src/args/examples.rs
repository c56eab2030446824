//! Examples under the help of every verb: each line can be typed as it stands.

pub(super) const TERRACE: &str = "\
Examples:
  terrace up
  terrace route --prompt \"Classify in kebab-case: caching for async memory\" --action classify_memory
  terrace cost

See `terrace VERB --help` for each verb's flags, examples and, at route, exit codes.";

pub(super) const UP: &str = "\
Prints what it runs and then, when it can be called, one line `ready http://ADDRESS`.

Examples:
  terrace up
  terrace up --config llm_config.yaml --listen 127.0.0.1:8600 --edge-listen 127.0.0.1:8680
  TERRACE__LEDGER__DATABASE_URL=postgres://terrace:secret@127.0.0.1/terrace terrace up --split

Exit codes: 0 stopped by a signal, 1 could not start or had to stop, 78 the config is wrong";

pub(super) const SERVE: &str = "\
Prints one line `terrace-SERVICE listening on http://ADDRESS` when it listens.

Examples:
  terrace serve classifier --listen 127.0.0.1:7601
  terrace serve tier-gateway --backend ollama --config llm_config.yaml

Exit codes: 0 stopped by a signal, 1 could not start or had to stop, 78 the config is wrong";

pub(super) const ROUTE: &str = "\
Examples:
  terrace route --prompt \"Classify in kebab-case: caching for async memory\" --action classify_memory
  terrace route --prompt @task.txt --quality-check --threshold 0.8 --max-cost 0.05
  git diff | terrace route --system \"Write a commit message\" --prompt - --stream --commit prefix
  terrace route --prompt \"Is 91 prime?\" --format choice=yes,no --max-repairs 1 --json
  terrace route --prompt \"What is 17 * 23?\" --consensus llama3.2:3b,qwen2.5-coder:14b --consensus-by number
  terrace route --batch tasks.jsonl --out answers.jsonl --action classify_memory

Exit codes: 0 passed, 3 not passed, 4 no answer; all of them with --help";

pub(super) const ROUTE_LONG: &str = "\
Examples:
  terrace route --prompt \"Classify in kebab-case: caching for async memory\" --action classify_memory
  terrace route --prompt @task.txt --quality-check --threshold 0.8 --max-cost 0.05
  git diff | terrace route --system \"Write a commit message\" --prompt - --stream --commit prefix
  terrace route --prompt \"Is 91 prime?\" --format choice=yes,no --max-repairs 1 --json
  terrace route --prompt \"What is 17 * 23?\" --consensus llama3.2:3b,qwen2.5-coder:14b --consensus-by number
  terrace route --batch tasks.jsonl --out answers.jsonl --action classify_memory

A line of a batch is a JSON object: {\"prompt\": \"Is 91 prime?\", \"max_cost\": 0.01}. It may have system,
action, tier, model, threshold, quality_check, max_attempts, max_repairs, max_cost,
max_output_tokens, temperature, strict, language, session, tags and request_id; flags hold for lines that do not say otherwise.
A result is {\"line\": 1, \"response\": {...}} or {\"line\": 1, \"error\": {...}}. Lines with a request_id
are never billed twice, however often they are sent.

Exit codes:
  0  the answer passed, or nobody asked the judge
  1  anything else
  2  wrong usage, or the request was refused as invalid
  3  there is an answer, and it did not pass
  4  no answer: every attempt failed, no model could be tried, or --strict and none passed
  5  a budget is exhausted
  6  the time was over
  7  the server cannot be reached";

pub(super) const EXPLAIN: &str = "\
Examples:
  terrace explain --prompt \"Write a function that retries with backoff\" --action edit_file
  terrace explain --prompt @task.txt --max-cost 0.01 --json
  terrace explain --prompt \"Is 91 prime?\" --latency-target 2s --timeout 10s";

pub(super) const MODELS_PULL: &str = "\
Only backends that fetch models by themselves can do this, as Ollama; the others say so.

Examples:
  terrace models pull llama3.2:3b
  terrace models pull llama3.2:3b --backend ollama --json";

pub(super) const MODELS: &str = "\
Examples:
  terrace models
  terrace models --json
  terrace models pull llama3.2:3b
  terrace --server http://10.0.0.7:7600 models";

pub(super) const COST: &str = "\
Examples:
  terrace cost
  terrace cost --since 24h
  terrace cost --since 7d --by tier,action
  terrace cost --since 7d --by model --bucket 1d
  terrace cost --since 30d --by tag.topic --project search --json

Savings are what the answers would have cost on the baseline model, less everything that was paid:
the calls that answered, the judge, attempts in vain and the hours of rented GPUs.

With `terrace up --split` the ledger has an address of its own: give it with --server.";

pub(super) const BUDGET: &str = "\
A budget's name says whose it is and how long it lasts: installation/daily, project/search/monthly,
key/ID/daily. A step that costs needs room in every budget above it.

Examples:
  terrace budget list
  terrace budget set project/search/daily --cap 2.50
  terrace budget pause installation/daily

With `terrace up --split` the ledger has an address of its own: give it with --server.";

pub(super) const BUDGET_LIST: &str = "\
Examples:
  terrace budget list
  terrace budget list --project search --json";

pub(super) const BUDGET_WATCH: &str = "\
An alert is given once a period when spending reaches the threshold, and once when a budget refuses
its first step. With --json each is an object of its own line.

Examples:
  terrace budget watch
  terrace budget watch --since 7d --json";

pub(super) const WATCH: &str = "\
Requests of one orchestrator are seen: of the one that is asked. Prompts and answers are not. With keys
it takes one that may manage.

Examples:
  terrace watch
  terrace watch --project search
  terrace watch --ended --json
  terrace watch --request 0192f0c1-2345-7abc-8def-0123456789ab";

pub(super) const LEDGER: &str = "\
Examples:
  terrace ledger verify
  terrace ledger migrate --config terrace.yaml

With `terrace up --split` the ledger has an address of its own: give it with --server.";

pub(super) const LEDGER_VERIFY: &str = "\
Reads all of the books in one moment, while calls go on; large books take a while.

Examples:
  terrace ledger verify
  terrace ledger verify --json

Exit codes: 0 the books are right, 1 something is wrong and was printed; others as for route";

pub(super) const LEDGER_MIGRATE: &str = "\
Speaks to PostgreSQL itself, not to a server. It can be run any number of times, while ledgers of
this or of the last version work: those wait for it, and tables that are up to date stay as they are.
A ledger does the same when it starts.

Examples:
  TERRACE__LEDGER__DATABASE_URL=postgres://terrace:secret@127.0.0.1/terrace terrace ledger migrate

Exit codes: 0 the tables are up to date, 1 they are not, 78 the config is wrong";

pub(super) const BUDGET_SET: &str = "\
What is not given stays as it is. A budget that stands in the config is changed there.

Examples:
  terrace budget set project/search/daily --cap 2.50
  terrace budget set project/search/monthly --cap 40 --alert-threshold 0.5 --time-zone Europe/Berlin";

pub(super) const BUDGET_PAUSE: &str = "\
Calls in flight go on; what they cost is booked. Free models still answer.

Examples:
  terrace budget pause installation/daily";

pub(super) const BUDGET_RESUME: &str = "\
Examples:
  terrace budget resume installation/daily";

pub(super) const BUDGET_TOP_UP: &str = "\
Examples:
  terrace budget top-up installation/daily 5
  terrace budget top-up project/search/monthly 20 --id 0190f4c8-5c96-774b-bcce-b302099a8057";

pub(super) const BUDGET_REMOVE: &str = "\
Examples:
  terrace budget remove project/search/daily";

pub(super) const TRAIN: &str = "\
A line of a file is a JSON object: {\"prompt\": \"Is 91 prime?\", \"weak_correct\": false, \"strong_correct\": true}.
Instead of the two it may have {\"scores\": {\"model-a\": 0.2, \"model-b\": 1}}, and it may name an action.

Examples:
  terrace train outcomes.jsonl.gz --out gain.trcw
  terrace train a.jsonl b.jsonl.gz --out gain.trcw --weak scores.small --strong scores.large
  terrace train --judge answers.jsonl.gz --out head.trcj

The config's routing.classifier_weights has the classifier use the file, its judge.head the judge one
of --judge, whose lines have the answers too (\"weak_answer\": \"3 + 4 = 7\").";

pub(super) const EVAL: &str = "\
APGR is the part of the stronger model's gain that a ranking has, over all shares of calls: 0.5 by
chance. CPT80 is the share of calls, in percent, that has 80 % of the gain.

Examples:
  terrace eval outcomes.jsonl.gz
  terrace eval outcomes.jsonl.gz --svg curves --json
  terrace eval new-outcomes.jsonl --weights gain.trcw
  terrace eval --judge answers.jsonl.gz
  terrace eval --consensus answers.jsonl.gz
  terrace eval --judge-set labelled.jsonl";
pub(super) const USAGE: &str = "\
Examples:
  terrace usage list action=edit_file since=24h
  terrace usage export llm_usage.jsonl
  terrace usage export - since=7d | jq -s 'group_by(.tier) | map({tier: .[0].tier, cost: map(.cost) | add})'";

pub(super) const USAGE_LIST: &str = "\
Terms of a filter: project, key, action, tier, backend, model, outcome, tag.NAME, since, until. since
and until mean when the request closed: 90m, 24h, 7d before now, today, a date or a time.

Examples:
  terrace usage list
  terrace usage list action=edit_file since=24h tier=local_fast
  terrace usage list outcome=failed model=llama3.2:3b --limit 200
  terrace usage list tag.topic=\"async io\" --json";

pub(super) const USAGE_EXPORT: &str = "\
Each row is a step of a closed request; its sums are those of `terrace cost` for the same span. Money
is exact in cost_nano_usd; cost is the same in dollars.

Examples:
  terrace usage export llm_usage.jsonl
  terrace usage export november.csv since=2026-11-01 until=2026-12-01
  terrace usage export november.parquet since=2026-11-01
  terrace usage export - since=24h | jq 'select(.outcome == \"rejected\") | {model, action, tokens, cost}'";

pub(super) const SIMULATE: &str = "\
Examples:
  terrace simulate
  terrace simulate --scenario fleet --days 30 --seed 7 --html fleet.html
  terrace simulate --scenario mine.yaml --sweep --json
  terrace simulate --measured --since 7d
  terrace simulate --replay --config cheaper.yaml --since 7d
  terrace simulate --replay --sweep --html thresholds.html

The scenarios daemon and fleet come along; docs/SIMULATION.md tells how to write one, and what a
replay can and cannot say.

Exit codes: 0 done, 2 wrong usage, 7 the ledger cannot be reached, 78 a scenario or config is wrong";

pub(super) const PROJECT: &str = "\
Examples:
  terrace project create search
  terrace project list";

pub(super) const PROJECT_CREATE: &str = "\
Examples:
  terrace project create search";

pub(super) const PROJECT_LIST: &str = "\
Examples:
  terrace project list
  terrace project list --json";

pub(super) const KEY: &str = "\
Keys need auth.pepper_file in the config of the ledger; the first is made with auth.root_key_file's.

Examples:
  terrace key create ci --project search --expires-in 90d
  terrace key list --project search
  terrace key rotate 0190f4c8-5c96-774b-bcce-b302099a8057 --overlap 1h
  terrace key revoke 0190f4c8-5c96-774b-bcce-b302099a8057";

pub(super) const KEY_CREATE: &str = "\
The secret alone goes to standard output, and is shown this once.

Examples:
  terrace key create ci --project search --expires-in 90d --requests-per-minute 600
  terrace key create admin --scope route --scope manage
  terrace key create laptop > key && TERRACE_API_KEY=$(cat key) terrace models";

pub(super) const KEY_LIST: &str = "\
Examples:
  terrace key list
  terrace key list --project search --json";

pub(super) const KEY_ROTATE: &str = "\
Examples:
  terrace key rotate 0190f4c8-5c96-774b-bcce-b302099a8057
  terrace key rotate 0190f4c8-5c96-774b-bcce-b302099a8057 --overlap 1h";

pub(super) const KEY_REVOKE: &str = "\
Examples:
  terrace key revoke 0190f4c8-5c96-774b-bcce-b302099a8057";

pub(super) const CONFIG: &str = "\
Examples:
  terrace config check llm_config.yaml
  terrace config show";

pub(super) const CONFIG_CHECK: &str = "\
Examples:
  terrace config check
  terrace config check llm_config.yaml

Exit codes: 0 the config is right, 78 it is wrong and every problem stands on standard error";

pub(super) const CONFIG_SHOW: &str = "\
Examples:
  terrace config show llm_config.yaml
  TERRACE__ROUTING__QUALITY_THRESHOLD=0.9 terrace config show";

pub(super) const COMPLETION: &str = "\
Examples:
  terrace completion bash > /etc/bash_completion.d/terrace
  terrace completion zsh > ~/.zfunc/_terrace
  terrace completion fish > ~/.config/fish/completions/terrace.fish";

pub(super) const OUTCOME: &str = "\
The answer is remembered for a day, by the orchestrator that gave it; the first report counts.

Examples:
  terrace outcome 0190f4c8-5c96-774b-bcce-b302099a8057 accepted
  terrace outcome 0190f4c8-5c96-774b-bcce-b302099a8057 rejected --json";

pub(super) const LEARNING_STATUS: &str = "\
Examples:
  terrace learning status
  terrace --server http://127.0.0.1:7601 learning status --json";

pub(super) const LEARNING_ROLLBACK: &str = "\
What came later is thrown away for good.

Examples:
  terrace learning rollback --to 12
  terrace learning rollback --all";
