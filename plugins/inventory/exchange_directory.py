# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inventory: the Exchange servers that Active Directory knows."""

from __future__ import annotations

DOCUMENTATION = r"""
name: exchange_directory
short_description: Exchange servers from Active Directory
version_added: 0.1.0
author:
  - the mailops.exchange contributors (@mailops-exchange)
description:
  - Reads the Exchange servers of a forest from a domain controller, by LDAP over TLS, and makes inventory hosts of
    them. Nothing is written there.
  - The name of its configuration file must end with C(exchange_directory.yml) or C(exchange_directory.yaml).
  - All hosts are in the group C(exchange_servers), and by what the directory says in C(exchange_5_5),
    C(exchange_2000) or C(exchange_2003); in one group for each service pack of these, such as C(exchange_2003_sp1)
    (C(_rtm) without a service pack); in C(exchange_front_ends) or C(exchange_back_ends); in
    C(exchange_organization_NAME) and C(exchange_administrative_group_NAME).
  - Each host gets the variables C(exchange_name), C(exchange_fqdn), C(exchange_product), C(exchange_service_pack),
    C(exchange_build), C(exchange_serial_number), C(exchange_front_end), C(exchange_organization) and
    C(exchange_administrative_group). What the directory does not say is null.
  - B(Clusters.) A clustered server stands in the directory by the network name of its virtual server, which is no host
    that can be logged on to, and nothing in the directory tells it from a server by itself. The nodes do not stand
    there. Name the virtual servers in O(virtual_servers), and bring the nodes in by another inventory source.
  - Exchange 5.5 servers are in Active Directory only where Active Directory Connector or the Site Replication Service
    brings their directory there.
requirements:
  - ldap3 >= 2.9.1
extends_documentation_fragment:
  - ansible.builtin.constructed
  - ansible.builtin.inventory_cache
options:
  plugin:
    description: Says that the file is one of this plugin's.
    type: str
    required: true
    choices:
      - mailops.exchange.exchange_directory
  uri:
    description:
      - Address of a domain controller. With C(ldaps://) the connection begins with TLS, with C(ldap://) it is turned
        into TLS (StartTLS) before anything is sent.
      - This option and O(user), O(password) and O(ca_file) may hold a template.
    type: str
    required: true
    env:
      - name: MAILOPS_EXCHANGE_DIRECTORY_URI
  user:
    description: Who reads, as C(name@domain) or C(DOMAIN\\name).
    type: str
    required: true
    env:
      - name: MAILOPS_EXCHANGE_DIRECTORY_USER
  password:
    description:
      - Password of O(user). Keep it in a vault or in the environment.
    type: str
    required: true
    env:
      - name: MAILOPS_EXCHANGE_DIRECTORY_PASSWORD
  ca_file:
    description:
      - File with the certificates to trust. Without it those of the system are trusted.
    type: path
  validate_certs:
    description: Whether the certificate of the domain controller is checked.
    type: bool
    default: true
  tls_minimum:
    description:
      - Lowest version of TLS. Server 2003 speaks nothing newer than V(1.0).
    type: str
    choices:
      - '1.0'
      - '1.1'
      - '1.2'
      - '1.3'
    default: '1.2'
  timeout:
    description: Seconds for each operation.
    type: int
    default: 30
  hostnames:
    description:
      - Where the name of a host is taken from; the first that the directory has counts. Names are in small letters.
      - V(name) is the computer's name, V(fqdn) its name in DNS.
      - Where a host is called by its computer's name and the name in DNS is known, C(ansible_host) is set to the
        latter.
    type: list
    elements: str
    choices:
      - name
      - fqdn
    default:
      - name
  virtual_servers:
    description:
      - Names in the directory that are virtual servers of clusters, and become no hosts. C(*) stands for any
        characters, C(?) for one; capital and small letters are the same.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
---
# estate.exchange_directory.yml
plugin: mailops.exchange.exchange_directory
uri: ldaps://dc1.contoso.example
user: reader@contoso.example
password: "{{ lookup('ansible.builtin.env', 'DIRECTORY_PASSWORD') }}"
ca_file: /etc/ssl/contoso.pem

# the virtual servers of the cluster, whose nodes stand in another source
virtual_servers:
  - EVS*

# what the playbooks need of each host
compose:
  ansible_connection: "'mailops.exchange.winrm'"
  mailops_exchange_load_balanced: "'web' if exchange_front_end else none"

# groups of one's own
groups:
  needs_service_pack_2: exchange_product == '2003' and exchange_service_pack < 2
keyed_groups:
  - key: exchange_build | string
    prefix: exchange_build

# an answer of the directory is good for an hour
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: ~/.cache/exchange_directory
cache_timeout: 3600
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible.release import __version__ as ansible_version
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.directory import Directory
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import HostError

ENDINGS = ("exchange_directory.yml", "exchange_directory.yaml")
ALL = "exchange_servers"
FRONT = "exchange_front_ends"
BACK = "exchange_back_ends"
TEMPLATES = ("uri", "user", "password", "ca_file")
# Keys of a server as the directory gives them; each is a variable of the host.
SAID = (
    "name",
    "fqdn",
    "product",
    "service_pack",
    "build",
    "serial_number",
    "front_end",
    "organization",
    "administrative_group",
)


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    """Makes hosts and groups of the servers in the directory."""

    NAME = "mailops.exchange.exchange_directory"

    def verify_file(self, path: str) -> bool:
        """Whether the file is one of ours, by its name."""
        return bool(super().verify_file(path)) and path.endswith(ENDINGS)

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        """Read the directory, or its cached answer, and fill the inventory."""
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        for name, server in sorted(self._servers(path, cache).items()):
            if not self._is_virtual(name):
                self._add(server)

    @property
    def _data(self) -> Any:
        """The inventory that is filled."""
        return self.inventory

    def _servers(self, path: str, cache: bool) -> dict[str, dict[str, Any]]:
        key = self.get_cache_key(path)
        wanted = self.get_option("cache")
        if wanted and cache:
            try:
                known: dict[str, dict[str, Any]] = self._cache[key]
                return known
            except KeyError:
                self.display.vvv(f"{self.NAME}: nothing is cached for {path}")
        found = self._read()
        if wanted:
            self._cache[key] = found
        return found

    def _read(self) -> dict[str, dict[str, Any]]:
        names = ("uri", "user", "password", "ca_file", "validate_certs", "timeout", "tls_minimum")
        try:
            return Directory(**{name: self._option(name) for name in names}).servers()
        except HostError as error:
            remedy = f" {error.remedy}" if error.remedy else ""
            raise AnsibleParserError(f"{error.message}.{remedy}") from None

    def _option(self, name: str) -> Any:
        """An option's value; what the operator has written may be a template."""
        value = self.get_option(name)
        return self.templar.template(value) if name in TEMPLATES and value else value

    def _is_virtual(self, name: str) -> bool:
        patterns = [str(pattern).upper() for pattern in self.get_option("virtual_servers")]
        return any(fnmatchcase(name.upper(), pattern) for pattern in patterns)

    def _add(self, server: Mapping[str, Any]) -> None:
        choices = {"name": server["name"], "fqdn": server["fqdn"]}
        kind = next((kind for kind in self.get_option("hostnames") if choices[kind]), "name")
        host = str(choices[kind]).lower()
        self._data.add_host(host)
        variables = {f"exchange_{key}": server[key] for key in SAID}
        if kind == "name" and server["fqdn"]:
            variables["ansible_host"] = server["fqdn"]
        for key, value in variables.items():
            self._data.set_variable(host, key, untrusted(value))
        self._group(host, [ALL])
        self._group(host, [ALL, FRONT if server["front_end"] else BACK])
        if server["product"]:
            product = f"exchange_{server['product']}"
            level = f"sp{server['service_pack']}" if server["service_pack"] else "rtm"
            self._group(host, [ALL, product, f"{product}_{level}"])
        else:
            self.display.warning(
                f"The directory says {server['serial_number'] or 'nothing'} of the version of {server['name']}: it is"
                " in no group of a version."
            )
        for key in ("organization", "administrative_group"):
            if server[key]:
                self._group(host, [ALL, f"exchange_{key}_{server[key]}"])
        strict = self.get_option("strict")
        known = self._data.get_host(host).get_vars()
        self._set_composite_vars(self.get_option("compose"), known, host, strict=strict)
        known = self._data.get_host(host).get_vars()
        self._add_host_to_composed_groups(self.get_option("groups"), known, host, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), known, host, strict=strict)

    def _group(self, host: str, names: list[str]) -> None:
        """Put the host into the last of the groups, each of which is in the one before."""
        parent = ""
        for name in names:
            # Characters that a group's name cannot have are replaced whatever the configuration says: a name in the
            # directory may hold any.
            group = self._data.add_group(self._sanitize_group_name(name.lower()))
            if parent:
                self._data.add_child(parent, group)
            parent = group
        self._data.add_child(parent, host)


def untrusted(value: Any) -> Any:
    """A value from outside, which is never a template; ansible-core 2.19 and later take it so anyway."""
    if isinstance(value, str) and tuple(int(part) for part in ansible_version.split(".")[:2]) < (2, 19):
        from ansible.utils.unsafe_proxy import wrap_var

        return wrap_var(value)
    return value
