"""deploy/kubernetes without a cluster: its pods as containers of a plain engine, with their names, commands, mounts, users and probes."""

import os
import re
import unittest

import stage
import yaml
from compose import last_measurement
from engine import eventually, run, say

NODES = "kubernetes-test"


def manifests(checkout):
    """Every object by (kind, name); strict: a key twice is an error."""

    class Strict(yaml.SafeLoader):
        def construct_mapping(self, node, deep=False):
            keys = [self.construct_object(key, deep=True) for key, _ in node.value]
            assert len(keys) == len(set(keys)), f"{node.start_mark}: a key twice"
            return super().construct_mapping(node, deep)

    folder = os.path.join(checkout, "deploy/kubernetes")
    with open(os.path.join(folder, "kustomization.yaml"), encoding="utf-8") as file:
        kustomization = yaml.load(file, Strict)
    objects = {}
    for name in kustomization["resources"]:
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            objects.update({(item["kind"], item["metadata"]["name"]): item for item in yaml.load_all(file, Strict)})
    configs = {generator["name"]: {key: os.path.join(folder, path) for key, path in
                                   (entry.split("=") for entry in generator["files"])}
               for generator in kustomization["configMapGenerator"]}
    return objects, configs


class KubernetesTest(unittest.TestCase):
    def setUp(self):
        self.engine = stage.ENGINE
        self.objects, self.configs = manifests(stage.CHECKOUT)
        self.place = os.path.join(self.engine.scratch, "kubernetes")
        self.pods = []
        self.addCleanup(self.remove)
        self.engine.docker("network", "create", NODES)

    def remove(self):
        self.engine.docker("rm", "--force", "--volumes", *self.pods, check=False)
        self.engine.docker("volume", "rm", "state-server-0", "state-server-1", "state-observer-5d4f", check=False)
        self.engine.docker("network", "rm", NODES, check=False)

    def make_secrets(self):
        """As docs/operations.md says."""
        certs = [os.path.join(stage.CHECKOUT, "deploy/certs.sh"), "--directory", os.path.join(self.place, "certs")]
        for words in (["init"], ["server", "server-0.server", "server-1.server"], ["admin", "operator"],
                      ["client", "observer", "--role", "observer"], *(["client", f"client-{i}"] for i in range(3))):
            run(*certs, *words)
        clients = os.path.join(self.place, "certs/clients")
        secret = os.path.join(self.place, "clients-tls")
        os.makedirs(secret)
        for name in os.listdir(clients):
            for file in ("certificate.pem", "key.pem"):
                os.link(os.path.join(clients, name, file), os.path.join(secret, f"{name}.{file}"))
        os.link(os.path.join(self.place, "certs/ca/ca.pem"), os.path.join(secret, "ca.pem"))
        run("chmod", "-R", "a+rX", self.place)
        return {"server-tls": os.path.join(self.place, "certs/server"), "clients-tls": secret,
                "admin-tls": os.path.join(self.place, "certs/admins/operator")}

    def start(self, pod, spec, container, secrets, wait=False):
        """One container of a pod, with what the kubelet gives it."""
        volumes = {volume["name"]: volume for volume in spec["volumes"]}
        security = container["securityContext"]
        self.assertTrue(security["readOnlyRootFilesystem"] and spec["securityContext"]["runAsNonRoot"])
        options = ["--name", f"{NODES}-{pod}-{container['name']}", "--hostname", pod, "--network", NODES, "--network-alias",
                   f"{pod}.server", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges:true",
                   f"--user={spec['securityContext']['runAsUser']}", f"--entrypoint={container['command'][0]}"]
        for variable in container.get("env", []):
            options += ["--env", f"{variable['name']}={variable['value']}"]
        for mount in container["volumeMounts"]:
            volume = volumes.get(mount["name"], {})
            if "configMap" in volume:
                options += ["-v", f"{self.configs[volume['configMap']['name']][mount['subPath']]}:{mount['mountPath']}:ro"]
            elif "secret" in volume:
                options += ["-v", f"{secrets[volume['secret']['secretName']]}:{mount['mountPath']}:ro"]
            elif "emptyDir" in volume:
                options += ["--tmpfs", mount["mountPath"]]
            else:
                options += ["-v", f"{mount['name']}-{pod}:{mount['mountPath']}"]
        self.pods.append(options[1])
        self.engine.docker("run", *([] if wait else ["--detach", "--restart=on-failure"]), *options,
                           f"{container['image']}:{self.engine.tag}", *container["command"][1:])
        return options[1]

    def test_pods_train_and_probes_answer(self):
        secrets = self.make_secrets()
        servers = {}
        for index in range(self.objects["StatefulSet", "server"]["spec"]["replicas"]):
            spec = self.objects["StatefulSet", "server"]["spec"]["template"]["spec"]
            for container in spec["initContainers"]:
                self.start(f"server-{index}", spec, container, secrets, wait=True)
            servers[self.start(f"server-{index}", spec, spec["containers"][0], secrets)] = spec["containers"][0]
        for index in range(self.objects["StatefulSet", "client"]["spec"]["replicas"]):
            spec = self.objects["StatefulSet", "client"]["spec"]["template"]["spec"]
            self.start(f"client-{index}", spec, spec["containers"][0], secrets)
        spec = self.objects["Deployment", "observer"]["spec"]["template"]["spec"]
        observer = self.start("observer-5d4f", spec, spec["containers"][0], secrets)

        for name, container in servers.items():
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                command = container[probe]["exec"]["command"]
                eventually(lambda n=name, c=command: self.engine.docker("exec", n, *c, check=False).returncode == 0,
                           what=f"{probe} of {name}")
        # Not round 10 by name: the observer comes last and may miss it.
        log = eventually(lambda: (log := self.engine.docker("logs", observer)) and re.search(r"round [1-9]\d*: loss", log) and log,
                         what="the observer's first measurement of trained parameters")
        say("kubernetes' pods, round {}: accuracy {}, fingerprint {}".format(*last_measurement(log)))

    def test_budgets_select_the_pods_they_are_for(self):
        for name in ("server", "client"):
            budget = self.objects["PodDisruptionBudget", name]["spec"]
            pods = self.objects["StatefulSet", name]["spec"]
            self.assertEqual(budget["selector"]["matchLabels"], pods["template"]["metadata"]["labels"])
            self.assertEqual(pods["selector"]["matchLabels"], pods["template"]["metadata"]["labels"])

