"""The scripted server's default reply: a tool call, JSON that fits the schema, or an echo.

Arguments and fields are made up from the JSON schema; whole numbers and quoted words are copied
from what the user said, so that a test can ask for particular values.
"""

import json
import re
from typing import Any

from tests.scripted_wire import Json, Scripted, ToolCall

__all__ = ["echo", "made_up", "question"]


def echo(body: Json) -> Scripted:
    """Answer as a willing model that knows nothing: call the tool, fill in the schema, or echo."""
    tool = _chosen_tool(body)
    asked = question(body)
    if tool:
        return Scripted(
            tool_calls=(ToolCall(tool["name"], made_up(tool.get("parameters", {}), asked)),)
        )
    wanted = body.get("response_format") or {}
    if wanted.get("type") == "json_schema":
        return Scripted(text=json.dumps(made_up(wanted["json_schema"]["schema"], asked)))
    if wanted.get("type") == "json_object":
        return Scripted(text=json.dumps({"answer": asked}))
    return Scripted(text=f"{body.get('model', 'scripted')} heard: {asked}")


def question(body: Json) -> str:
    """Return the text of the last user message, or the prompt of a plain completion."""
    for message in reversed(body.get("messages", [])):
        if message["role"] == "user":
            return _text(message["content"])
    return str(body.get("prompt", ""))


def made_up(schema: Json, said: str = "", root: Json | None = None) -> Any:
    """Return a value that fits a schema, with numbers and quoted words from what was said."""
    root = root if root is not None else schema
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return made_up((root.get("$defs") or root["definitions"])[name], said, root)
    for several in ("anyOf", "oneOf", "allOf"):
        if schema.get(several):
            return made_up(schema[several][0], said, root)
    if "const" in schema or "enum" in schema:
        return schema["const"] if "const" in schema else schema["enum"][0]
    if schema.get("type") == "array":
        return [made_up(schema.get("items", {}), said, root)]
    if schema.get("type") == "object" or "properties" in schema:
        return {
            name: made_up(part, said, root) for name, part in schema.get("properties", {}).items()
        }
    return _scalar(schema.get("type", "string"), said)


def _scalar(kind: str, said: str) -> Any:
    number = re.search(r"-?\d+", said)
    quoted = re.search(r"[\"'`]([^\"'`]+)[\"'`]", said)
    values: dict[str, Any] = {
        "integer": int(number.group()) if number else 1,
        "number": float(number.group()) if number else 1.0,
        "boolean": True,
        "null": None,
    }
    return values[kind] if kind in values else quoted.group(1) if quoted else "something"


def _chosen_tool(body: Json) -> Json | None:
    """Return the tool to call: the one that was forced, else the first if the user spoke last."""
    tools: list[Json] = [tool["function"] for tool in body.get("tools") or []]
    choice = body.get("tool_choice") or "auto"
    if not tools or choice == "none":
        return None
    if isinstance(choice, dict):
        return next(tool for tool in tools if tool["name"] == choice["function"]["name"])
    return tools[0] if choice == "required" or body["messages"][-1]["role"] == "user" else None


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return " ".join(block.get("text", "") for block in content or [])
