# shellcheck shell=bash disable=SC2034
# network.sh - what stands between the demo's two nodes: a firewall with NAT
# where the user may make network namespaces, else only that the fridge listens
# nowhere.  With proxies=yes it passes nothing on: a proxy in it, which
# proxies.sh starts, is the only way out.  Sourced by run.sh after lib.sh.
#
# make_network sets, for both nodes:
#   plant_namespace fridge_namespace    empty: none
#   edge_namespace                      where the firewall is, and its proxy
#   plant_address fridge_address        where each can be called, or not
#   plant_port fridge_port fridge_listens
#   at_fridge                           what runs a command where the fridge is
#   network_picture                     to be shown
#   squid_address                       of the proxy, if there is one
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

# The firewall is a machine of its own, and passes nothing on.  Whoever knocks
# from inside is told so, from outside is not.
make_edge() {
    local inside=$1 outside=$2 edge=$3
    ip -n "$inside" link set lo up &&
        ip -n "$outside" link set lo up &&
        ip -n "$edge" link set lo up &&
        ip -n "$edge" link add inside type veth peer name edge netns "$inside" &&
        ip -n "$edge" link add outside type veth peer name edge netns "$outside" &&
        ip -n "$inside" addr add 192.168.1.10/24 dev edge &&
        ip -n "$inside" link set edge up &&
        ip -n "$edge" addr add 192.168.1.1/24 dev inside &&
        ip -n "$edge" link set inside up &&
        ip -n "$inside" route add default via 192.168.1.1 &&
        ip -n "$edge" addr add 10.77.0.1/24 dev outside &&
        ip -n "$edge" link set outside up &&
        ip -n "$outside" addr add 10.77.0.2/24 dev edge &&
        ip -n "$outside" link set edge up &&
        ip netns exec "$edge" sysctl -qw net.ipv4.ip_forward=1 &&
        ip netns exec "$edge" nft -f - <<'RULES'
table ip firewall {
    chain forward {
        type filter hook forward priority 0; policy drop;
        counter reject with icmp type admin-prohibited
    }
    chain input {
        type filter hook input priority 0; policy drop;
        iifname "lo" accept
        iifname "inside" tcp dport 3128 accept
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
    if [ "$proxies" = yes ]; then
        make_edge "$@"
    else
        make_firewall "$@"
    fi
}

use_namespaces() {
    fridge_namespace=$1
    plant_namespace=$2
    plant_address=10.77.0.2
    plant_port=${port:-8090}
    fridge_address=10.77.0.1
    fridge_port=8090
    fridge_listens='*'
    edge_namespace=${3:-$1}
    squid_address=192.168.1.1:3128
    at_fridge=(ip netns exec "$fridge_namespace")
    network_picture="\
  @1 fridge            firewall                      @2 plant
  192.168.1.10  -----  NAT behind 10.77.0.1  ------  10.77.0.2
                       stops who wants in

  Two network namespaces with nftables between them. @1 listens on port $fridge_port."
    [ "$proxies" = no ] || network_picture="\
  @1 fridge            firewall                      @2 plant
  192.168.1.10  -----  192.168.1.1, 10.77.0.1  ----  10.77.0.2
                       passes nothing on;            HAProxy on port $plant_port:
                       squid on port 3128            what is silent for 30 s ends
                       wants a password

  Three network namespaces, and nftables in that of the firewall. @1 listens on port $fridge_port."
}

use_loopback() {
    fridge_namespace=
    plant_namespace=
    edge_namespace=
    squid_address=127.0.0.1:$(free_port)
    plant_address=localhost
    plant_port=${port:-$(free_port)}
    fridge_address=localhost
    fridge_port=$(free_port)
    fridge_listens=
    at_fridge=(env)
    network_picture="\
  This user may not make network namespaces, so there is no firewall:
  @1, the fridge, just listens nowhere."
    [ "$proxies" = no ] || network_picture="$network_picture

  It calls through squid on port ${squid_address##*:}, which wants a password. @2, the plant, is behind
  HAProxy on port $plant_port, which ends what is silent for 30 s."
}

make_network() {
    local name names=("qlm-$$-fridge" "qlm-$$-plant")
    [ "$proxies" = no ] || names+=("qlm-$$-edge")
    if make_namespaces "${names[@]}" 2>"$WORK/network"; then
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
    [ -n "$edge_namespace" ] || return 0
    packets=$(ip netns exec "$edge_namespace" nft list chain ip firewall input |
        sed -n 's/.*counter packets \([0-9]*\) .*/\1/p')
    [ "$packets" -gt 0 ] || fail "the firewall has stopped nothing"
    say "The firewall has dropped $packets packets that @2 sent."
}
