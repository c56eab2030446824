# The verbs of this repository. Each says what it does while it does it and stops what it started.

.DEFAULT_GOAL := help
.PHONY: help demo up test check fmt

help: ## List these verbs
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Run the four usage patterns on a real local model, then print the bill
	@scripts/demo.sh demo

up: ## Start Terrace with everything it needs and stay up until Ctrl-C
	@scripts/demo.sh up

test: ## Run every test, with the PostgreSQL, the Valkey and the model server that they need
	@scripts/test.sh

check: ## Look at format, lints, docs and the repository's own rules
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps
	cargo xtask check

fmt: ## Format the code
	cargo fmt --all
