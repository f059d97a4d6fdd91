# shellcheck shell=bash disable=SC2034
# network.sh - what stands between the demo's two nodes: a firewall with NAT
# where the user may make network namespaces, else only that the fridge listens
# nowhere.  Sourced by run.sh after lib.sh.
#
# make_network sets, for both nodes:
#   plant_namespace fridge_namespace    empty: none
#   plant_address fridge_address        where each can be called, or not
#   plant_port fridge_port fridge_listens
#   at_fridge                           what runs a command where the fridge is
#   network_picture                     to be shown
# The addresses are private and exist in the namespaces only.

# Inside, the fridge has an address that the plant has no route to; the
# firewall is the only way out and lets nothing in but answers.
make_firewall() {
    local inside=$1 outside=$2
    ip -n "$inside" link set lo up &&
        ip -n "$outside" link set lo up &&
        ip -n "$inside" link add outside type veth peer name inside netns "$outside" &&
        ip -n "$inside" addr add 10.77.0.1/24 dev outside &&
        ip -n "$inside" link set outside up &&
        ip -n "$inside" addr add 192.168.1.10/32 dev lo &&
        ip -n "$inside" route replace 10.77.0.0/24 dev outside src 192.168.1.10 &&
        ip -n "$outside" addr add 10.77.0.2/24 dev inside &&
        ip -n "$outside" link set inside up &&
        ip netns exec "$inside" nft -f - <<'RULES'
table ip firewall {
    chain nat {
        type nat hook postrouting priority 100; policy accept;
        oifname "outside" masquerade
    }
    chain input {
        type filter hook input priority 0; policy drop;
        iifname "lo" accept
        ct state established,related accept
        counter drop
    }
}
RULES
}

make_namespaces() {
    local name
    [ "$(id -u)" = 0 ] || return
    for name in "$@"; do
        ip netns add "$name" || return
        NAMESPACES+=("$name")
    done
    make_firewall "$@"
}

use_namespaces() {
    fridge_namespace=$1
    plant_namespace=$2
    plant_address=10.77.0.2
    plant_port=${port:-8090}
    fridge_address=10.77.0.1
    fridge_port=8090
    fridge_listens='*'
    at_fridge=(ip netns exec "$fridge_namespace")
    network_picture="\
  @1 fridge            firewall                      @2 plant
  192.168.1.10  -----  NAT behind 10.77.0.1  ------  10.77.0.2
                       stops who wants in

  Two network namespaces with nftables between them. @1 listens on port $fridge_port."
}

use_loopback() {
    fridge_namespace=
    plant_namespace=
    plant_address=localhost
    plant_port=${port:-$(free_port)}
    fridge_address=localhost
    fridge_port=$(free_port)
    fridge_listens=
    at_fridge=(env)
    network_picture="\
  This user may not make network namespaces, so there is no firewall:
  @1, the fridge, just listens nowhere."
}

make_network() {
    local name
    if make_namespaces "qlm-$$-fridge" "qlm-$$-plant" 2>"$WORK/network"; then
        use_namespaces "${NAMESPACES[@]}"
        return
    fi
    for name in ${NAMESPACES[@]+"${NAMESPACES[@]}"}; do
        ip netns del "$name"
    done
    NAMESPACES=()
    use_loopback
}

# What the firewall has seen so far
firewall_report() {
    local packets
    [ -n "$fridge_namespace" ] || return 0
    packets=$(ip netns exec "$fridge_namespace" nft list chain ip firewall input |
        sed -n 's/.*counter packets \([0-9]*\) .*/\1/p')
    [ "$packets" -gt 0 ] || fail "the firewall has stopped nothing"
    say "The firewall has dropped $packets packets that @2 sent."
}
