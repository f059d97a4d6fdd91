# qlm - a QLM (O-MI/O-DF) messaging node inside PostgreSQL
#
# make && make install     builds and installs for the server of PG_CONFIG
# test/run.sh              installs what is missing, builds and runs everything
#
# Warnings are errors where this was built before; WERROR= makes them warnings.

EXTENSION = qlm
EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" qlm.control)

MODULE_big = qlm
SOURCES := $(sort $(wildcard src/*.c src/*/*.c src/*/*/*.c))
OBJS = $(SOURCES:.c=.o)
DEPENDENCIES = $(SOURCES:.c=.d)

# An upgrade to this version runs the parts in its folder before and after what the
# installation says for every node.  What it starts from is frozen in sql/release, for
# the tests only: nobody should install an old version anew.  See sql/install/README.md.
INSTALL_SQL := $(sort $(wildcard sql/install/*.sql))
UPGRADES := $(sort $(notdir $(patsubst %/,%,$(dir $(wildcard sql/upgrade/*/*.sql)))))
DATA_built = build/qlm--$(EXTVERSION).sql $(UPGRADES:%=build/qlm--%.sql)
DATA = $(wildcard sql/upgrade/*.sql)

REGRESS_OPTS = --load-extension=qlm
REGRESS = $(sort $(patsubst sql/%.sql,%,$(wildcard sql/*.sql)))
ISOLATION = $(sort $(patsubst test/isolation/specs/%.spec,%,$(wildcard test/isolation/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test/isolation --load-extension=qlm

PG_CONFIG ?= pg_config
PKG_CONFIG ?= pkg-config

LIBRARIES = libxml-2.0 libmicrohttpd libcurl zlib

# What must be there, each said in a sentence.  pg_config is no proof of a
# server's headers: libpq-dev has one, and pgxs.mk comes with the client.
ifneq ($(MAKECMDGOALS),clean)
PG_MAJOR := $(shell $(PG_CONFIG) --version 2>/dev/null | sed -n 's/^PostgreSQL \([0-9]*\).*/\1/p')
PG_OTHERS := $(filter-out $(PG_CONFIG),$(foreach headers,$(wildcard /usr/include/postgresql/*/server/postgres.h),\
	$(wildcard $(headers:/usr/include/postgresql/%/server/postgres.h=/usr/lib/postgresql/%/bin/pg_config))))
PG_HINT := $(if $(PG_OTHERS),make PG_CONFIG=$(lastword $(PG_OTHERS)),make PG_CONFIG=/path/to/pg_config)
ifeq ($(PG_MAJOR),)
$(error qlm needs PostgreSQL and its pg_config, and '$(PG_CONFIG)' does not run: apt-get install postgresql-server-dev-all, or say $(PG_HINT))
endif
ifeq ($(shell test $(PG_MAJOR) -ge 15 && echo yes),)
$(error qlm needs PostgreSQL 15 or later, and '$(PG_CONFIG)' belongs to $(PG_MAJOR): say $(PG_HINT))
endif
PG_HEADERS := $(shell $(PG_CONFIG) --includedir-server)
ifeq ($(wildcard $(PG_HEADERS)/postgres.h),)
$(error qlm needs the server's headers, and $(PG_HEADERS)/postgres.h is not there: apt-get install postgresql-server-dev-$(PG_MAJOR), or say $(PG_HINT))
endif
ifeq ($(wildcard $(shell $(PG_CONFIG) --pgxs)),)
$(error qlm needs what extensions are built with, and $(shell $(PG_CONFIG) --pgxs) is not there: apt-get install postgresql-server-dev-$(PG_MAJOR))
endif
ifeq ($(shell command -v $(PKG_CONFIG)),)
$(error qlm needs pkg-config to find its libraries: apt-get install pkg-config)
endif
ifeq ($(shell $(PKG_CONFIG) --exists libxml-2.0 && echo yes),)
$(error qlm needs libxml2: apt-get install libxml2-dev)
endif
ifeq ($(shell $(PKG_CONFIG) --exists libmicrohttpd && echo yes),)
$(error qlm needs libmicrohttpd: apt-get install libmicrohttpd-dev)
endif
ifeq ($(shell $(PKG_CONFIG) --exists libcurl && echo yes),)
$(error qlm needs libcurl: apt-get install libcurl4-openssl-dev)
endif
ifeq ($(shell $(PKG_CONFIG) --exists zlib && echo yes),)
$(error qlm needs zlib: apt-get install zlib1g-dev)
endif
endif

PG_CPPFLAGS = -Isrc -DQLM_VERSION='"$(EXTVERSION)"' $(shell $(PKG_CONFIG) --cflags $(LIBRARIES))
PG_CFLAGS = -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare \
	-Wno-missing-field-initializers -MMD -MP
SHLIB_LINK = $(shell $(PKG_CONFIG) --libs $(LIBRARIES))

# Bitcode is for inlining SQL-callable functions; none here is worth it.
override with_llvm = no

EXTRA_CLEAN = build $(DEPENDENCIES) results output_iso regression.diffs \
	regression.out tmp_check tmp_check_iso log

PGXS := $(shell $(PG_CONFIG) --pgxs)
ifneq ($(wildcard $(PGXS)),)
include $(PGXS)
else
clean:
	rm -rf $(OBJS) $(MODULE_big).so $(EXTRA_CLEAN)
endif

# A compiler that is newer than those tried may warn about more, and libraries
# call old what the oldest of them have nothing else for.  What gcc fears of
# longjmp is in PostgreSQL's own PG_TRY.
TRIED_COMPILERS = $(foreach n,10 11 12 13 14 15 16,gcc-$(n)) $(foreach n,14 15 16 17 18 19,clang-$(n))
QLM_COMPILER := $(shell $(CC) --version 2>/dev/null | grep -q clang && echo clang || echo gcc)-$(firstword $(subst ., ,$(shell $(CC) -dumpversion 2>/dev/null)))
WERROR := $(if $(filter $(TRIED_COMPILERS),$(QLM_COMPILER)),-Werror -Wno-error=deprecated-declarations \
	$(if $(filter gcc-%,$(QLM_COMPILER)),-Wno-error=clobbered))
override CFLAGS += $(WERROR)

ifneq ($(MAKECMDGOALS),clean)
ifeq ($(shell echo '\#include <stdio.h>' | $(CC) -E - >/dev/null 2>&1 && echo yes),)
$(error qlm needs a C compiler and its headers, and '$(CC)' has none: apt-get install gcc libc6-dev)
endif
endif

-include $(DEPENDENCIES)

build/qlm--$(EXTVERSION).sql: $(INSTALL_SQL) qlm.control
	@mkdir -p $(@D)
	cat $(INSTALL_SQL) > $@.new
	mv $@.new $@

.SECONDEXPANSION:
$(UPGRADES:%=build/qlm--%.sql): build/qlm--%.sql: $$(sort $$(wildcard sql/upgrade/%/*.sql)) $(INSTALL_SQL) Makefile qlm.control
	@mkdir -p $(@D)
	cat $(filter sql/upgrade/$*/before_%,$^) > $@.new
	sed '/^-- A new node only$$/,/^-- Every node$$/d' $(INSTALL_SQL) >> $@.new
	cat $(filter sql/upgrade/$*/after_%,$^) >> $@.new
	mv $@.new $@

# Everything is compiled again when the version or the flags change.
$(OBJS): Makefile qlm.control

# TAP programs start servers of their own from the installed extension.
prove_installcheck:
	rm -rf tmp_check
	TESTDIR='$(CURDIR)' TESTDATADIR='$(CURDIR)/tmp_check' \
	PATH='$(bindir)':"$$PATH" PG_REGRESS='$(top_builddir)/src/test/regress/pg_regress' \
	prove -I test/perl -I '$(top_srcdir)/src/test/perl' $(PROVE_FLAGS) \
		$(if $(PROVE_TESTS),$(PROVE_TESTS),$(sort $(wildcard test/t/*.pl test/t/*.t)))

# pgTAP tests run in the database of the environment (PGDATABASE), with both
# extensions created in it.
pgtap:
	pg_prove $(sort $(wildcard test/pgtap/*.sql))

check-all: installcheck pgtap prove_installcheck

fuzz:
	test/fuzz/run.sh

.PHONY: prove_installcheck pgtap check-all fuzz
