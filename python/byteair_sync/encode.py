"""Rows of a DataFrame as JSON lines, by the types of its schema.

Numbers and decimals keep every digit. Booleans are 0 and 1; arrays, structs and maps are texts that
hold JSON, as the platform wants them; instants are whole seconds or milliseconds since 1970, what is
finer is left off; days are texts. A value that JSON cannot hold makes a rejected row, never
another value.
"""

import datetime
import math
from json.encoder import encode_basestring as _quoted

from .options import OptionError

_UTC_START = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


class RejectedValue(ValueError):
    """A value that cannot be sent; its row is rejected."""

    def __init__(self, code, message, column=None):
        super().__init__(message)
        self.code, self.message, self.column = code, message, column

    def __reduce__(self):
        return (RejectedValue, (self.code, self.message, self.column))


def _text(value):
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise RejectedValue("not_utf8", "a text that is not valid Unicode") from None
    return _quoted(value)


def _finite(value):
    if not math.isfinite(value):
        raise RejectedValue("not_finite", f"{value} is no JSON number")
    return repr(float(value))


def _decimal(value):
    if not value.is_finite():
        raise RejectedValue("not_finite", f"{value} is no JSON number")
    return format(value, "f")


def _bytes(value):
    try:
        return _quoted(bytes(value).decode("utf-8"))
    except UnicodeDecodeError:
        raise RejectedValue("not_utf8", "bytes that are no text") from None


def _instants(milliseconds):
    step = datetime.timedelta(milliseconds=1) if milliseconds else datetime.timedelta(seconds=1)

    def encode(value):
        # A value without a zone is, from Spark, in the zone of this process.
        return str((value.astimezone(datetime.timezone.utc) - _UTC_START) // step)

    return encode


def _wall_clock(milliseconds, zone):
    """Timestamps without a time zone are read in the platform's."""
    from zoneinfo import ZoneInfo

    place, instant = ZoneInfo(zone), _instants(milliseconds)
    return lambda value: instant(value.replace(tzinfo=place))


def _variant(value):
    return _quoted(value.toJson())


class _Types:
    """Makes one function for each type of a schema."""

    def __init__(self, options):
        self.options = options

    def of(self, kind, path):
        name = type(kind).__name__
        simple = {
            "BooleanType": lambda value: "1" if value else "0",
            "ByteType": str,
            "ShortType": str,
            "IntegerType": str,
            "LongType": str,
            "FloatType": _finite,
            "DoubleType": _finite,
            "DecimalType": _decimal,
            "StringType": _text,
            "CharType": _text,
            "VarcharType": _text,
            "BinaryType": _bytes,
            "DateType": lambda value: f'"{value.isoformat()}"',
            "NullType": lambda value: "null",
            "VariantType": _variant,
        }.get(name)
        if simple:
            return simple
        if name == "TimestampType":
            return _instants(self.options.milliseconds)
        if name == "TimestampNTZType":
            return _wall_clock(self.options.milliseconds, self.options.zone)
        if name in ("ArrayType", "StructType", "MapType"):
            inner = self.inside(kind, path)
            return lambda value: _quoted(inner(value))
        raise OptionError(
            f"column {path} is of type {kind.simpleString()}, which the platform cannot hold; cast it to a number or "
            "a text first"
        )

    def inside(self, kind, path):
        """The same within arrays, structs and maps, whose JSON is not quoted once more."""
        name = type(kind).__name__
        if name == "ArrayType":
            item = self.inside(kind.elementType, f"{path}[]")
            return lambda value: "[" + ",".join("null" if it is None else item(it) for it in value) + "]"
        if name == "StructType":
            return self.object(kind.fields, path)
        if name == "MapType":
            return self.map(kind, path)
        if name == "VariantType":
            return lambda value: value.toJson()
        return self.of(kind, path)

    def object(self, fields, path):
        names = [field.name for field in fields]
        if len(set(names)) < len(names):
            raise OptionError(f"{path or 'the DataFrame'} has two columns of one name; rename one of them")
        parts = []
        for place, field in enumerate(fields):
            inner = self.inside if path else self.of
            parts.append((place, _quoted(field.name) + ":", inner(field.dataType, _join(path, field.name)), field.name))
        null_is_sent = self.options.null_is_sent

        def encode(row):
            members = []
            for place, key, value_of, name in parts:
                value = row[place]
                if value is not None:
                    try:
                        members.append(key + value_of(value))
                    except RejectedValue as reason:
                        reason.column = reason.column or _join(path, name)
                        raise
                elif null_is_sent:
                    members.append(key + "null")
            return "{" + ",".join(members) + "}"

        return encode

    def map(self, kind, path):
        if not _can_be_key(kind.keyType):
            raise OptionError(
                f"column {path} is a map whose keys hold arrays, maps or bytes ({kind.keyType.simpleString()}), which Spark "
                "cannot hand to Python; make it an array first (map_entries)"
            )
        key_of = self.inside(kind.keyType, f"{path}.key")
        item = self.inside(kind.valueType, f"{path}.value")

        def key(value):
            text = key_of(value)
            return text if text.startswith('"') else _quoted(text)

        def encode(value):
            # The order of a map means nothing and may differ the next time.
            members = sorted(key(name) + ":" + ("null" if it is None else item(it)) for name, it in value.items())
            return "{" + ",".join(members) + "}"

        return encode


def _can_be_key(kind):
    """Whether values of the type can be keys in Python."""
    name = type(kind).__name__
    if name == "StructType":
        return all(_can_be_key(field.dataType) for field in kind.fields)
    return name not in ("ArrayType", "BinaryType", "MapType")


def _join(path, name):
    return f"{path}.{name}" if path else name


class Encoder:
    """Makes a JSON line and the day of each row."""

    def __init__(self, schema, options):
        fields = list(schema.fields)
        types = _Types(options)
        self.dated = None
        if options.date_column:
            names = [field.name for field in fields]
            if options.date_column not in names:
                raise OptionError(f"there is no column {options.date_column} (dateColumn); there are {', '.join(names)}")
            self.dated = names.index(options.date_column)
            self.day_of = _day_reader(fields[self.dated].dataType, options)
        kept = [
            place for place in range(len(fields)) if place != self.dated or options.keep_date_column
        ]
        if not kept:
            raise OptionError("no column is left to send beside dateColumn")
        self.places = kept if len(kept) < len(fields) else None
        self.line_of = types.object([fields[place] for place in kept], "")
        self.date = options.date or ""

    def line(self, row):
        """The row as JSON in UTF-8, without a line end. Raises :class:`RejectedValue`."""
        values = row if self.places is None else [row[place] for place in self.places]
        return self.line_of(values).encode("utf-8")

    def day(self, row):
        """The day of the row as ``2022-01-01``; empty when streaming."""
        if self.dated is None:
            return self.date
        return self.day_of(row[self.dated])


def _day_reader(kind, options):
    from .options import day

    name = type(kind).__name__
    if name in ("StringType", "IntegerType", "LongType", "CharType", "VarcharType"):
        read = day
    elif name == "DateType":
        read = lambda value: value.isoformat()  # noqa: E731
    elif name == "TimestampNTZType":
        # It has no zone, so its day is the one that it shows.
        read = lambda value: value.date().isoformat()  # noqa: E731
    elif name == "TimestampType":
        from zoneinfo import ZoneInfo

        zone = ZoneInfo(options.zone)
        read = lambda value: value.astimezone(zone).date().isoformat()  # noqa: E731
    else:
        raise OptionError(
            f"dateColumn {options.date_column} is of type {kind.simpleString()}; a date, a timestamp, or a text or "
            "number such as 2022-01-01 or 20220101 is needed"
        )

    def checked(value):
        found = None if value is None else read(value)
        if found is None:
            raise RejectedValue("date_missing", f"{value!r} is no day", options.date_column)
        return found

    return checked
