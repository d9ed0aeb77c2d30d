# SPDX-License-Identifier: GPL-2.0
#
# The project's commands. "make" alone lists them; the work is in scripts/,
# tools/qemu/ and tools/bench/.

# "make run SHELL=1" asks for a shell in the guest; make's own stays sh.
ifeq ($(origin SHELL),command line)
guest_shell := $(SHELL)
endif
override SHELL := /bin/sh
MAKEOVERRIDES :=
unexport MAKEFLAGS MFLAGS MAKELEVEL

O ?= build
CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/paravirt-i386
LINUX ?=
J ?= $(shell nproc)
KERNEL ?= pae
ROW ?=
APPEND ?=
FORCE ?=
PATCHES_UPTO ?=

# abspath and kbuild take a blank for the end of a name, and recipes hand names
# to a shell.
hash := \#
special := & ; | < > * ? [ ] { } ! ' " ` ^ $$ ( ) \ $(hash)
$(foreach name,CURDIR O CACHE LINUX,$(if $(word 2,$($(name))),$(error \
	$(name)=$($(name)) has a blank: use a path that has none)))
$(foreach name,CURDIR O CACHE LINUX KERNEL J,$(foreach c,$(special),$(if \
	$(findstring $(c),$($(name))),$(error $(name)=$($(name)) has a \
	character that means something to the shell: use a name without))))
override O := $(abspath $(or $(O),build))
override CACHE := $(abspath $(CACHE))
override LINUX := $(if $(LINUX),$(abspath $(LINUX)))

# "clean" removes folders of O by name: none of them may be the project's, or
# somebody else's.
project := $(realpath $(CURDIR))
place := $(or $(realpath $(O)),$(O))
ifneq ($(filter $(place:/=)/%,$(project)/)$(filter $(addprefix $(project)/,.ci/% \
	.git/% Documentation/% arch/% include/% kernel/% patches/% scripts/% \
	tools/%),$(place)/),)
$(error O=$(O) is or holds a folder of the project: set O= to one of its own)
endif
mark := .paravirt-build
export O CACHE LINUX J ROW APPEND FORCE PATCHES_UPTO

# What "clean" removes below O.
made := kernel initrd test bench bisect series vmi-rom vmi-rom-check \
	vmi-rom-test
# And "distclean" besides.
kept := linux linux.new linux.new.inner linux.old linux-base linux-base.new \
	deps.log .lock $(mark)

.NOTPARALLEL:
.PHONY: help deps fetch prepare build run test test-full baseline check \
	refresh series bench bisect clean distclean owned

# Before anything is written there: O is the project's alone.
owned:
	@[ -e $(O)/$(mark) ] || [ $(place) = $(project)/build ] || \
		[ ! -d $(O) ] || [ -z "$$(ls -A $(O))" ] || { \
		echo 'O=$(O) has files of others: set O= to a new folder' >&2; \
		exit 2; }
	@mkdir -p $(O)
	@: >$(O)/$(mark)

help:
	@echo 'Commands:'
	@echo '  run        build the kernel, boot it on bare hardware, show what'
	@echo '             paravirt did, power off (SHELL=1: a shell in the guest)'
	@echo '  test       everything that gates a landing (ROW=PATTERN: some rows)'
	@echo '  test-full  test, and the slow rows'
	@echo '  bench      executed instructions per operation, with and without'
	@echo '             paravirt'
	@echo '  baseline   record what the selftests do on the unpatched kernel'
	@echo '  bisect     build and boot every prefix of the series'
	@echo
	@echo 'Steps, each of which the above run when needed:'
	@echo '  deps       install the Debian packages that are missing'
	@echo '  fetch      get the kernel source of the distribution into CACHE'
	@echo '  prepare    make the patched tree O/linux (PATCHES_UPTO=SLUG: a prefix)'
	@echo '  build      build one kernel of scripts/kernels (KERNEL=NAME)'
	@echo
	@echo 'Working on the series:'
	@echo '  refresh    turn the commits of O/linux into patches and overlay'
	@echo '             (FORCE=1: over changes made here since prepare)'
	@echo '  check      the gates on patches, overlay and scripts'
	@echo '  series     export a mailable series into O/series'
	@echo '  clean      remove built kernels, images and results, keep the tree'
	@echo '  distclean  remove the tree, too (neither touches CACHE)'
	@echo
	@echo 'Settings (make NAME=VALUE):'
	@echo '  O=$(O)'
	@echo '  CACHE=$(CACHE)'
	@echo '  LINUX=$(LINUX)      a 6.12 tree or tarball to use instead'
	@echo '  J=$(J)  KERNEL=$(KERNEL)'
	@echo "  ROW=$$ROW"
	@echo "  APPEND=$$APPEND      more kernel options for run"

deps:
	@scripts/deps

fetch:
	@scripts/deps fetch
	@scripts/fetch

prepare: owned
	@scripts/deps fetch build
	@scripts/fetch
	@scripts/prepare

build: prepare
	@scripts/build $(KERNEL)

run: owned
	@scripts/deps fetch build run
	@scripts/fetch
	@scripts/prepare
	@scripts/build pae
	@tools/qemu/run --demo $(if $(guest_shell),--shell)

test: owned
	@scripts/test test

test-full: owned
	@scripts/test full

baseline: owned
	@scripts/deps fetch build run test
	@scripts/fetch
	@scripts/prepare
	@scripts/build base base-nopae base-up base-nopae-up
	@tools/qemu/run --baseline

check: owned
	@scripts/deps fetch build check
	@scripts/fetch
	@scripts/prepare
	@prove -v --exec '' scripts/check

refresh: owned
	@scripts/refresh

series: prepare
	@scripts/series

bench: owned
	@scripts/deps fetch build run bench
	@scripts/fetch
	@scripts/prepare
	@scripts/build $$(awk '/^[^#[:space:]]/ { print $$2 }' \
		tools/bench/cases | sort -u)
	@tools/bench/run

bisect: owned
	@scripts/deps fetch build run test
	@scripts/fetch
	@prove --exec '' scripts/bisect-series

clean:
	@[ ! -d $(O) ] || [ -e $(O)/$(mark) ] || \
		[ $(place) = $(project)/build ] || { \
		echo 'O=$(O) was not made here: nothing is removed' >&2; exit 2; }
	rm -rf $(addprefix $(O)/,$(made))

distclean: clean
	@[ ! -d $(O)/linux ] || [ -e $(O)/linux/.git/paravirt.json ] || { \
		echo '$(O)/linux was not made by prepare: it stays, and so do \
the rest' >&2; exit 2; }
	rm -rf $(addprefix $(O)/,$(kept))
	@[ ! -d $(O) ] || rmdir $(O) 2>/dev/null || \
		echo "$(O) stays: there are files of others in it"
