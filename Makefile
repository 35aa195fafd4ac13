# The few commands there are. `make` alone prints them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.ONESHELL:
.PHONY: help demo demo-down kubeconfig build images test soak fuzz verify generate bench-cycle bench-kueue-scale bench-rest bench-throughput bench-start bench-webhook bench-gang clean

help: ## Print this.
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 24

demo: ## A cluster, the operator, the example teams, their results.
	@k3d/demo.sh

demo-down: ## Remove the demo's cluster.
	@k3d/cluster.sh cleanup

kubeconfig: ## Print the path of the cluster's kubeconfig (use: make -s kubeconfig).
	@k3d/cluster.sh kubeconfig

build: ## Build every binary and test.
	@. k3d/lib.sh
	cargo_build

images: build ## Pack the images.
	@k3d/images.sh build

test: ## All tests, with those on a real cluster.
	@tests/e2e/run.sh

soak: ## The property tests of decisions: 600 s of lives, 10^7 events of queues (or SOAK=600s, or a number, for each).
	@. k3d/lib.sh
	ONAGER_CASES=$${SOAK:-600s} cargo test --quiet --workspace --test lifecycle -- --nocapture properties
	ONAGER_CASES=$${SOAK:-10_000_000} cargo test --quiet --workspace --test queues -- --nocapture properties

fuzz: ## The rules of admission on bytes that nobody expects, for FUZZ=300 seconds (needs cargo-fuzz).
	@fuzz/run.sh

generate: ## Write the CRDs from their types, for the tree and for the chart.
	@. k3d/lib.sh
	# --workspace, here as everywhere: one package alone would unify features otherwise and compile its dependencies again.
	cargo build --quiet --workspace --example generate
	"$$BINARIES/examples/generate" crds/yaml charts/onager/files/crds

verify: generate ## What a change must pass before it is sent: generated files, format, lints, dependencies, a clean tree.
	@. k3d/lib.sh
	cargo fmt --all --check
	cargo clippy --quiet --workspace --all-targets -- -D warnings
	tree=$$(cargo tree --package onager-operator --edges normal --prefix none)
	if grep -E '^(datafusion|ballista)' <<<"$$tree"; then fail "the operator must not link the engine"; fi
	use_tools helm
	helm lint --quiet --strict charts/onager --values k3d/values-dev.yaml
	k3d/check.sh
	if command -v cargo-deny >/dev/null; then cargo deny --log-level error check; else say "cargo-deny is not installed: skipped"; fi
	changed=$$(git status --porcelain)
	if [ -n "$$changed" ]; then printf '%s\n' "$$changed"; fail "the tree is not clean: commit what was generated"; fi

bench-cycle: ## How long one decision of the queues takes, by applications, nodes and queues.
	@: "$${PROFILE:=release}"
	. k3d/lib.sh
	cargo build --quiet --profile "$$PROFILE" --workspace --example cycle
	"$$BINARIES/examples/cycle"

bench-kueue-scale: ## Kueue's own scale test in the simulator: makespan against the ideal one.
	@bench/kueue-scale.sh

bench-throughput: ## How many applications a minute, against a bare client (on fake nodes).
	@bench/throughput.sh

bench-rest: ## What 10,000 completed applications cost while nothing happens.
	@bench/rest.sh

bench-start: ## How long an application takes to start, against a bare pod.
	@bench/start.sh

bench-webhook: ## How fast the webhook answers on one core.
	@bench/webhook.sh

bench-gang: ## How many pods a second come up as gangs, against a bare client and kube-scheduler (on 1,000 fake nodes).
	@bench/gang.sh

clean: ## Remove what was built from this tree, images too. Kubernetes' programs stay.
	@. k3d/lib.sh
	rm -rf "$$CARGO_TARGET_DIR" "$$CACHE"/target-*
