# bybitctl: `make demo` shows it at work, `make test` proves it. Swift is the one prerequisite; the rest is installed.
SWIFT ?= swift
PREFIX ?= /usr/local
BUILD_FLAGS ?=
# With Swift's own libraries inside, the program runs where no Swift is installed.
RELEASE = -c release --static-swift-stdlib $(BUILD_FLAGS)

.PHONY: demo test soak outage bench chaos mutants fuzz sanitize lint fmt build release install pybit deps clean help

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

demo: build ## five accounts on the embedded exchange: status, then events until Ctrl-C
	@scripts/demo.sh "$$($(SWIFT) build --show-bin-path $(BUILD_FLAGS))/bybitctl"

test: deps ## every test, unit to end-to-end, and the stored inputs of the fuzzers
	$(SWIFT) build --build-tests $(BUILD_FLAGS)
	$(SWIFT) test --skip-build $(BUILD_FLAGS)
	@scripts/fuzz.sh --short

soak: deps ## MINUTES=n [ACCOUNTS=200] [SEED=1] [BYBITCTL=program]: faults every few seconds, every event audited
	$(SWIFT) build --build-tests $(BUILD_FLAGS)
	BYBITCTL="$(BYBITCTL)" BYBITCTL_SOAK_MINUTES=$(or $(MINUTES),10) BYBITCTL_SOAK_ACCOUNTS=$(ACCOUNTS) \
		BYBITCTL_SOAK_SEED=$(SEED) $(SWIFT) test --skip-build $(BUILD_FLAGS) --filter EndToEnd/Soak/

outage: deps ## [BYBITCTL=program]: two minutes without the exchange, 1,000 accounts, some five minutes in all
	$(SWIFT) build --build-tests $(BUILD_FLAGS)
	BYBITCTL="$(BYBITCTL)" BYBITCTL_OUTAGE=1 $(SWIFT) test --skip-build $(BUILD_FLAGS) --filter EndToEnd/BigOutage/

bench: deps ## speed and memory against their budgets, in release mode
	$(SWIFT) build $(RELEASE) --product bybitctl
	$(SWIFT) build $(RELEASE) --product bench
	"$$($(SWIFT) build $(RELEASE) --show-bin-path)/bench" $(ARGS)

SEEDS ?= 10000
chaos: deps ## simulates client and exchange: SEEDS=n, ARGS=--actions (consumers act), or ARGS="--seed S --trace"
	$(SWIFT) build $(RELEASE) --product chaos-runner
	"$$($(SWIFT) build $(RELEASE) --show-bin-path)/chaos-runner" --seeds $(SEEDS) $(ARGS)

mutants: deps ## plants each bug of Simulation/mutants.patch and shows the seed that finds it
	@scripts/mutants.sh $(ARGS)

SECONDS ?= 300
fuzz: deps ## hostile bytes for every parser, found by coverage: SECONDS=n in all
	@scripts/fuzz.sh --seconds $(SECONDS) $(ARGS)

sanitize: deps ## the whole suite under the thread and the address sanitizer
	TSAN_OPTIONS=suppressions=$(CURDIR)/scripts/races.supp \
		$(SWIFT) test --sanitize=thread -Xswiftc -DTHREAD_SANITIZER --scratch-path .build-tsan
	ASAN_OPTIONS=detect_leaks=0:suppressions=$(CURDIR)/scripts/overflows.supp \
		$(SWIFT) test --sanitize=address --scratch-path .build-asan

lint: deps ## formatting; changes nothing
	$(SWIFT) format lint --strict --recursive Sources Tests Simulation Benchmarks Package.swift

fmt: ## formats in place
	$(SWIFT) format --in-place --recursive Sources Tests Simulation Benchmarks Package.swift

build: deps ## the program, for development
	$(SWIFT) build --product bybitctl $(BUILD_FLAGS)

release: deps ## the program, optimised
	$(SWIFT) build $(RELEASE) --product bybitctl

install: release ## into $(PREFIX)/bin
	install -d "$(DESTDIR)$(PREFIX)/bin"
	install -m 0755 "$$($(SWIFT) build $(RELEASE) --show-bin-path)/bybitctl" "$(DESTDIR)$(PREFIX)/bin/bybitctl"

pybit: build ## the exchange's official Python client against `bybitctl simulate` (needs python3 and PyPI)
	@scripts/pybit.sh "$$($(SWIFT) build --show-bin-path $(BUILD_FLAGS))/bybitctl"

deps: ## checks Swift, installs missing libraries
	@scripts/deps.sh

clean: ## removes what was built
	rm -rf .build .demo
