# SPDX-License-Identifier: Apache-2.0
"""The fake ECS API (2014-05-26), as far as security groups go, and STS GetCallerIdentity. ECS wraps its lists."""

import copy
import re
import threading

from api_error import failed
from paging import cut

VERSION = "2014-05-26"
STS_VERSION = "2015-04-01"
RULE_FIELDS = ("SecurityGroupRuleId", "Direction", "Policy", "Priority", "IpProtocol", "PortRange", "SourceCidrIp",
               "Ipv6SourceCidrIp", "SourceGroupId", "SourceGroupName", "SourceGroupOwnerAccount", "SourcePrefixListId",
               "SourcePrefixListName", "SourcePortRange", "PortRangeListId", "PortRangeListName", "NicType", "Description",
               "CreateTime")


class Ecs:
    def __init__(self, groups, prefix_lists, account_id, options, in_use):
        self._lock = threading.Lock()
        self._groups = {}  # id -> {"name", "vpc", "inner", "rules"}
        self._prefix_lists = dict(prefix_lists)
        self._account_id = account_id
        self._options = options
        self._in_use = in_use  # group ID -> whether something is in it
        self._made = 0
        self._done = {}
        for group_id, body in groups.items():
            self.put_group(group_id, body)

    def actions(self):
        """name -> (version, function, required parameters)"""
        return {
            "DescribeSecurityGroupAttribute": (VERSION, self._describe_group, ("RegionId", "SecurityGroupId")),
            "DescribeSecurityGroups": (VERSION, self._list_groups, ("RegionId",)),
            "DescribePrefixListAttributes": (VERSION, self._describe_prefix_list, ("RegionId", "PrefixListId")),
            "CreateSecurityGroup": (VERSION, self._create_group, ("RegionId",)),
            "DeleteSecurityGroup": (VERSION, self._delete_group, ("RegionId", "SecurityGroupId")),
            "AuthorizeSecurityGroup": (VERSION, self._authorize, ("RegionId", "SecurityGroupId")),
            "GetCallerIdentity": (STS_VERSION, self._caller, ()),
        }

    def put_group(self, group_id, body):
        """{"name", "vpc", "inner": Accept|Drop, "rules": [API fields]}; what a rule leaves out is "" as in real replies."""
        with self._lock:
            group = self._groups.setdefault(group_id, {"name": "", "vpc": "vpc-bp1example00000000001", "inner": "Drop", "rules": []})
            group.update(copy.deepcopy(body))

    def remove_group(self, group_id):
        with self._lock:
            self._groups.pop(group_id, None)

    def put_prefix_list(self, list_id, body):
        with self._lock:
            self._prefix_lists[list_id] = body["cidrs"]

    def describe(self):
        with self._lock:
            return {"groups": copy.deepcopy(self._groups), "prefix_lists": dict(self._prefix_lists)}

    def _group(self, group_id):
        with self._lock:
            if group_id not in self._groups:
                raise failed(404, "InvalidSecurityGroupId.NotFound", "The specified SecurityGroupId does not exist.")
            return copy.deepcopy(self._groups[group_id])

    def must_be_in(self, group_id, vpc):
        if self._group(group_id)["vpc"] != vpc:
            raise failed(400, "InvalidSecurityGroupId.NotSameVpc", "The security group is not in the VPC of the endpoint.")

    # --- the actions -------------------------------------------------------------------------------------------------

    def _describe_group(self, parameters):
        group = self._group(parameters["SecurityGroupId"])
        direction = parameters.get("Direction", "all")
        rules = [{**{name: "" for name in RULE_FIELDS}, "Direction": "ingress", "Policy": "Accept", "Priority": "1",
                  "IpProtocol": "TCP", "NicType": "intranet", **rule} for rule in group["rules"]]
        rules = [rule for rule in rules if direction in ("all", rule["Direction"])]
        entries, fields = cut(rules, parameters, self._options, most=1000, default=500)
        return {"RegionId": parameters["RegionId"], "VpcId": group["vpc"], "SecurityGroupId": parameters["SecurityGroupId"],
                "SecurityGroupName": group["name"], "Description": "", "InnerAccessPolicy": group["inner"],
                "NextToken": fields.get("NextToken") or "", "Permissions": {"Permission": entries}}

    def _list_groups(self, parameters):
        with self._lock:
            found = [{"SecurityGroupId": group_id, "SecurityGroupName": group["name"], "VpcId": group["vpc"],
                      "SecurityGroupType": "normal"} for group_id, group in sorted(self._groups.items())]
        names = ("VpcId", "SecurityGroupName", "SecurityGroupId")
        found = [group for group in found if all(group[name] == parameters[name] for name in names if parameters.get(name))]
        entries, fields = cut(found, parameters, self._options, most=100)
        return {**fields, "SecurityGroups": {"SecurityGroup": entries}}

    def _describe_prefix_list(self, parameters):
        with self._lock:
            cidrs = self._prefix_lists.get(parameters["PrefixListId"])
        if cidrs is None:
            raise failed(404, "InvalidPrefixListId.NotFound", "The specified prefix list was not found.")
        return {"PrefixListId": parameters["PrefixListId"], "AddressFamily": "IPv4", "MaxEntries": 50,
                "Entries": {"Entry": [{"Cidr": cidr, "Description": ""} for cidr in cidrs]}}

    def _create_group(self, parameters):
        token = parameters.get("ClientToken")
        with self._lock:
            if token and token in self._done:
                return {"SecurityGroupId": self._done[token]}
            self._made += 1
            group_id = f"sg-bp1made{self._made:014d}"
            if token:
                self._done[token] = group_id
        self.put_group(group_id, {"name": parameters.get("SecurityGroupName", ""), "vpc": parameters.get("VpcId", ""),
                                  "inner": "Accept"})
        return {"SecurityGroupId": group_id}

    def _delete_group(self, parameters):
        self._group(parameters["SecurityGroupId"])
        if self._in_use(parameters["SecurityGroupId"]):
            raise failed(403, "DependencyViolation", "There is still instance(s) in the specified security group.")
        self.remove_group(parameters["SecurityGroupId"])
        return {}

    def _authorize(self, parameters):
        self._group(parameters["SecurityGroupId"])
        rules = {}
        for name, value in parameters.items():
            if found := re.fullmatch(r"Permissions\.(\d+)\.(\w+)", name):
                rules.setdefault(int(found[1]), {})[found[2]] = value
        for rule in rules.values():
            sources = ("SourceCidrIp", "Ipv6SourceCidrIp", "SourceGroupId", "SourcePrefixListId")
            if not rule.get("IpProtocol") or not rule.get("PortRange") or not any(rule.get(name) for name in sources):
                raise failed(400, "MissingParameter", "The input parameter of the rule is not complete.")
        with self._lock:
            have = self._groups[parameters["SecurityGroupId"]]["rules"]
            for rule in rules.values():
                known = [{key: value for key, value in old.items() if key != "SecurityGroupRuleId"} for old in have]
                if rule not in known:  # one that is there already is a success that adds none
                    have.append({"SecurityGroupRuleId": f"sgr-bp1made{len(have) + 1:014d}", **rule})
        return {}

    def _caller(self, _):
        return {"AccountId": self._account_id, "Arn": f"acs:ram::{self._account_id}:user/postern", "IdentityType": "RAMUser",
                "PrincipalId": "200000000000000001", "UserId": "200000000000000001"}
