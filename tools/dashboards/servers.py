"""The dashboard of hosts, containers and servers, by exporters of their own."""

from tools.dashboards.panel import Dashboard, Panel, Query, by, one, rate

_CPU = 'rate(node_cpu_seconds_total{mode="idle"}[$__rate_interval])'
# Not those of the kernel and of containers.
_FILES = '{fstype!~"tmpfs|overlay|squashfs|ramfs"}'
_CONTAINERS = '{name!=""}'

SERVERS = Dashboard(
    "servers",
    "Hosts and servers",
    "Are hosts, broker, Redis and PostgreSQL at their limits?",
    (
        (
            "Hosts (node-exporter)",
            (
                Panel(
                    "CPU",
                    "Which hosts are busy?",
                    "percentunit",
                    by(f"1 - avg by (host) ({_CPU})", "host"),
                    exporter="host",
                ),
                Panel(
                    "Memory in use",
                    "Which hosts lack memory?",
                    "percentunit",
                    by("1 - min by (host) (node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes)", "host"),
                    warn=0.9,
                    exporter="host",
                ),
                Panel(
                    "Disks in use",
                    "Which disks are full?",
                    "percentunit",
                    (
                        Query(
                            f"1 - min by (host, mountpoint) (node_filesystem_avail_bytes{_FILES}"
                            f" / node_filesystem_size_bytes{_FILES})",
                            "{{host}} {{mountpoint}}",
                        ),
                    ),
                    warn=0.9,
                    exporter="host",
                ),
            ),
        ),
        (
            "Containers (cAdvisor)",
            (
                Panel(
                    "CPU of containers",
                    "Which containers take the CPU, in cores?",
                    "short",
                    by(
                        f"topk(10, {rate('container_cpu_usage_seconds_total', 'name', _CONTAINERS)})",
                        "name",
                    ),
                    width=12,
                    exporter="containers",
                ),
                Panel(
                    "Memory of containers",
                    "Which containers take the memory?",
                    "bytes",
                    by(f"topk(10, max by (name) (container_memory_working_set_bytes{_CONTAINERS}))", "name"),
                    width=12,
                    exporter="containers",
                ),
            ),
        ),
        (
            "RabbitMQ",
            (
                Panel(
                    "Messages",
                    "Do messages pile up? A few per detector are its supply.",
                    "short",
                    (
                        Query("sum(rabbitmq_queue_messages_ready)", "ready"),
                        Query("sum(rabbitmq_queue_messages_unacked)", "at work"),
                    ),
                    exporter="rabbitmq",
                ),
                Panel(
                    "Memory of RabbitMQ",
                    "Does it near the limit at which it takes no more messages?",
                    "percentunit",
                    by(
                        "max by (instance) (rabbitmq_process_resident_memory_bytes"
                        " / rabbitmq_resident_memory_limit_bytes)",
                        "instance",
                    ),
                    warn=0.9,
                    exporter="rabbitmq",
                ),
                Panel(
                    "Connections of RabbitMQ",
                    "Do all roles reach it?",
                    "short",
                    one("sum(rabbitmq_connections)", "connections"),
                    exporter="rabbitmq",
                ),
            ),
        ),
        (
            "Redis and PostgreSQL",
            (
                Panel(
                    "Memory of Redis",
                    "How much does it have in memory? And its limit, where it has one.",
                    "bytes",
                    (
                        Query("max(redis_memory_used_bytes)", "in use"),
                        Query("max(redis_memory_max_bytes > 0)", "limit"),
                    ),
                    width=6,
                    exporter="redis",
                ),
                Panel(
                    "Commands of Redis",
                    "How much is asked of it?",
                    "ops",
                    by(rate("redis_commands_processed_total", "instance"), "instance"),
                    width=6,
                    exporter="redis",
                ),
                Panel(
                    "Size of the database",
                    "How large are the tables?",
                    "bytes",
                    by('max by (datname) (pg_database_size_bytes{datname!~"template.*|postgres"})', "datname"),
                    width=6,
                    exporter="postgres",
                ),
                Panel(
                    "Connections of PostgreSQL",
                    "How many of its connections are taken?",
                    "short",
                    one("sum(pg_stat_database_numbackends)", "connections"),
                    width=6,
                    exporter="postgres",
                ),
            ),
        ),
    ),
)
