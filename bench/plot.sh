#!/bin/bash
# Draws docs/performance.svg from the table of bench/run.sh --large in
# docs/performance.md: each cost as a multiple of the first line's.
#
# usage: bench/plot.sh [PAGE [SVG]]

set -euo pipefail
# shellcheck source=test/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../test/lib.sh"

page=${1:-$ROOT/docs/performance.md}
svg=${2:-$ROOT/docs/performance.svg}

if ! have gnuplot; then
    have apt-get || fail "gnuplot is needed"
    say "Installing gnuplot-nox" >&2
    quietly as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends gnuplot-nox || fail "gnuplot is needed"
fi

WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
awk -F'|' '/^### / { in_it = /How costs grow/ }
    in_it && $2 + 0 > 0 {
        if (!n++)
            for (i = 8; i < NF; i++) first[i] = $i
        printf "%s", $2
        for (i = 8; i < NF; i++) printf " %.3f", first[i] ? $i / first[i] : 0
        print "" }' "$page" >"$WORK/data"
[ "$(wc -l <"$WORK/data")" -ge 2 ] || fail "$page has no table with two sizes"

gnuplot <<END
set terminal svg size 640,440 font "sans-serif,12" background "white"
set output "$svg"
set title "Cost as everything grows, as a multiple of the cost at the smallest size"
set xlabel "million values stored; Objects, InfoItems, subscriptions, peers and messages in proportion"
set logscale x
set yrange [0:*]
set grid ytics lc rgb "#dddddd"
set key below
plot "$WORK/data" using 1:2 with linespoints lw 2 title "first writes", \
     "" using 1:3 with linespoints lw 2 title "write", \
     "" using 1:5 with linespoints lw 2 title "write with subscriptions", \
     "" using 1:7 with linespoints lw 2 title "latest value", \
     "" using 1:8 with linespoints lw 2 title "message taken by a peer", \
     "" using 1:9 with linespoints lw 2 title "start"
END
