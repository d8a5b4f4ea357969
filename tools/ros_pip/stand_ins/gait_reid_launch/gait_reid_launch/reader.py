"""Walks through a launch file and gathers the processes that it asks for."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from pathlib import Path

from gait_reid_launch import namespaces
from gait_reid_launch.context import NAMESPACE_CONFIGURATION, Context
from gait_reid_launch.document import Element, read
from gait_reid_launch.errors import LaunchError
from gait_reid_launch.parameters import parameter_files
from gait_reid_launch.processes import ProcessDescription
from gait_reid_launch.substitutions import expand_words, package_executable, substitute


def read_processes(
    context: Context, arguments: Mapping[str, str], log: Callable[[str], None]
) -> list[ProcessDescription]:
    """The processes that the context's launch file asks for, in order.

    Args:
        context: the launch file and the environment that processes inherit.
        arguments: values of launch arguments.
        log: told the messages of ``<log>``.

    Raises:
        LaunchError: something in the file, or in one that it includes, cannot be done.
    """
    context.configurations.update(arguments)
    reader = _Reader(context, log)
    reader.read_file(context.file)
    return reader.processes


class _Reader:
    """Executes elements one after another; each may change the context for those after it."""

    def __init__(self, context: Context, log: Callable[[str], None]) -> None:
        self.context = context
        self.processes: list[ProcessDescription] = []
        self._log = log
        self._actions: dict[str, Callable[[Element], None]] = {
            "arg": self._arg,
            "let": self._let,
            "group": self._group,
            "include": self._include,
            "push_ros_namespace": self._push_namespace,
            "push-ros-namespace": self._push_namespace,
            "set_env": self._set_environment,
            "unset_env": self._unset_environment,
            "log": self._message,
            "node": self._node,
            "executable": self._executable,
        }

    def read_file(self, file: Path) -> None:
        root = read(file)
        root.get("version")
        with self.context.inside(file):
            self._all(root)
        root.check_all_used()

    def _all(self, parent: Element) -> None:
        for element in parent.take_all():
            self._one(element)

    def _one(self, element: Element) -> None:
        action = self._actions.get(element.tag)
        if action is None:
            raise element.error(
                "this element cannot be used without ROS 2's launch; "
                f"there are: {', '.join(sorted(self._actions))}"
            )
        try:
            if self._wanted(element):
                action(element)
                element.check_all_used()
        except LaunchError as error:
            if error.located:
                raise
            raise element.error(str(error)) from error

    def _wanted(self, element: Element) -> bool:
        positive, negative = element.get("if"), element.get("unless")
        if positive is not None and negative is not None:
            raise element.error("if and unless exclude each other")
        if positive is not None:
            return element.truth(self._text(positive), "if")
        return negative is None or not element.truth(self._text(negative), "unless")

    def _text(self, text: str) -> str:
        return substitute(text, self.context)

    def _required(self, element: Element, name: str) -> str:
        return self._text(element.require(name))

    def _optional(self, element: Element, name: str) -> str | None:
        text = element.get(name)
        return None if text is None else self._text(text)

    def _arg(self, element: Element) -> None:
        name, default = element.require("name"), element.get("default")
        description = element.get("description", "no description given")
        configurations = self.context.configurations
        if name not in configurations:
            if default is None:
                raise element.error(f"the argument {name}:=... ({description}) is missing")
            configurations[name] = self._text(default)
        choices = [choice.require("value") for choice in element.take("choice")]
        if choices and configurations[name] not in choices:
            raise element.error(
                f"{name}:={configurations[name]} is not allowed: {', '.join(choices)} are"
            )

    def _let(self, element: Element) -> None:
        name = self._required(element, "name")
        self.context.configurations[name] = self._required(element, "value")

    def _group(self, element: Element) -> None:
        if element.flag("scoped", default=True):
            with self.context.scope():
                self._all(element)
        else:
            self._all(element)

    def _include(self, element: Element) -> None:
        file = Path(self._required(element, "file"))
        for argument in element.take("arg"):
            name = self._required(argument, "name")
            self.context.configurations[name] = self._required(argument, "value")
            argument.check_all_used()
        self.read_file(file)

    def _push_namespace(self, element: Element) -> None:
        configurations = self.context.configurations
        pushed = self._required(element, "namespace")
        joined = namespaces.join(configurations.get(NAMESPACE_CONFIGURATION), pushed)
        configurations[NAMESPACE_CONFIGURATION] = joined or "/"

    def _set_environment(self, element: Element) -> None:
        name = self._required(element, "name")
        self.context.environment[name] = self._required(element, "value")

    def _unset_environment(self, element: Element) -> None:
        self.context.environment.pop(self._required(element, "name"), None)

    def _message(self, element: Element) -> None:
        self._log(self._required(element, "message"))

    def _node(self, element: Element) -> None:
        executable, package = self._required(element, "exec"), self._optional(element, "pkg")
        path = executable if package is None else package_executable(package, executable)
        arguments = expand_words(element.get("args", ""), self.context)
        ros_arguments = expand_words(element.get("ros_args", ""), self.context)
        command = [path, *arguments, *(["--ros-args", *ros_arguments] if ros_arguments else [])]
        command += ["--ros-args", *self._node_identity(element), *self._remappings(element)]
        label = self._optional(element, "exec_name") or Path(path).name
        self._add(element, command, label)

    def _node_identity(self, element: Element) -> list[str]:
        """Name, namespace and parameters of a node, as ROS arguments."""
        name, namespace = self._optional(element, "name"), self._optional(element, "namespace")
        inherited = self.context.configurations.get(NAMESPACE_CONFIGURATION)
        absolute = namespaces.join(inherited, namespace)
        words: list[str] = []
        if name is not None:
            namespaces.check_node_name(name)
            words += ["-r", f"__node:={name}"]
        if absolute is not None:
            words += ["-r", f"__ns:={absolute}"]
        known = name is not None and absolute is not None
        qualified = f"{'' if absolute == '/' else absolute}/{name}" if known else "/**"
        for path in parameter_files(element, qualified, self.context):
            words += ["--params-file", str(path)]
        return words

    def _remappings(self, element: Element) -> list[str]:
        words: list[str] = []
        for remap in element.take("remap"):
            source, target = self._required(remap, "from"), self._required(remap, "to")
            remap.check_all_used()
            words += ["-r", f"{source}:={target}"]
        return words

    def _executable(self, element: Element) -> None:
        command = expand_words(element.require("cmd"), self.context)
        if not command:
            raise element.error("cmd is empty")
        if element.flag("shell", default=False):
            raise element.error("shell='true' cannot be used without ROS 2's launch")
        self._add(element, command, self._optional(element, "name") or Path(command[0]).name)

    def _add(self, element: Element, command: list[str], label: str) -> None:
        environment = dict(self.context.environment)
        for variable in element.take("env"):
            name = self._required(variable, "name")
            environment[name] = self._required(variable, "value")
            variable.check_all_used()
        if element.get("on_exit", "shutdown") != "shutdown":
            raise element.error("on_exit can only be 'shutdown'")
        prefix = shlex.split(self._optional(element, "launch-prefix") or "")
        respawn = self._text(element.get("respawn", "false"))
        retries = element.number("respawn_max_retries", int)
        try:
            description = ProcessDescription(
                name=f"{label}-{len(self.processes) + 1}",
                command=(*prefix, *command),
                environment=environment,
                working_directory=self._optional(element, "cwd"),
                output=self._text(element.get("output", "log")),
                respawn=element.truth(respawn, "respawn"),
                respawn_delay_s=element.number("respawn_delay", float) or 0.0,
                respawn_max_retries=-1 if retries is None else retries,
                shutdown_on_exit="on_exit" in element.attributes,
                sigterm_timeout_s=self._timeout(element, "sigterm_timeout"),
                sigkill_timeout_s=self._timeout(element, "sigkill_timeout"),
            )
        except ValueError as error:
            raise element.error(str(error)) from error
        self.processes.append(description)

    def _timeout(self, element: Element, name: str) -> float:
        """A time-out of the element, else of the launch configuration of that name, else 5 s."""
        own = element.number(name, float)
        return float(self.context.configurations.get(name, 5.0)) if own is None else own
