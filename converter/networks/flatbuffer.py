"""Parses TFLite files without running them."""

from typing import Any

from ai_edge_litert import schema_py_generated as schema

OPERATORS = {
    number: name for name, number in vars(schema.BuiltinOperator).items() if name.isupper()
}


def parse(model: bytes) -> tuple[Any, list[str]]:
    """Returns the model as `schema.ModelT`, and the name of each operator of its first graph."""
    parsed = schema.ModelT.InitFromPackedBuf(model, 0)
    codes = [max(c.builtinCode, c.deprecatedBuiltinCode) for c in parsed.operatorCodes]
    operators = parsed.subgraphs[0].operators
    return parsed, [OPERATORS[codes[operator.opcodeIndex]] for operator in operators]
