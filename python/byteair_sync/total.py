"""What all tasks of an upload together came to, and whether that is enough for ``done``."""

from .errors import UploadError
from .kept import UNDETERMINED

_COUNTS = ("read", "accepted", "unconfirmed", "rejected", "pending")


class Total:
    """What all tasks together came to, with what earlier runs were told of the same batches."""

    def __init__(self, options, results, kept=(), closed=()):
        """``closed``: by day that is done, what is known of the uploads in it."""
        self.options, self.dates, self.rejects, self.undetermined = options, {}, [], []
        #: Days for which ``done`` was sent.
        self.sent = []
        #: A day that is held back for its rejected rows.
        self.is_beyond_budget = False
        #: Such a day of which nothing is stored, which no budget covers.
        self.is_all_lost = False
        if any(result is None for result in results):
            raise UploadError("not every partition was uploaded; no done was sent")
        partitions = [result["partition"] for result in results]
        if len(set(partitions)) != len(partitions):
            raise UploadError("one partition is reported twice; no done was sent")
        ids = [one for result in results for one in result["request_ids"]]
        if len(set(ids)) != len(ids):
            raise UploadError("two partitions sent under one Request-Id; no done was sent")
        #: The micro-batch, when it is one.
        self.stream = next((result["stream"] for result in results if result["stream"]), None)
        #: Why partitions are not complete.
        self.failed = [result["failed"] for result in results if result["failed"]]
        for result in results:
            self.rejects += result["rejects"]
            self.undetermined += result["undetermined"]
            for day, told in result["dates"].items():
                self._add(day, told)
        #: What this run was told itself.
        self.told_now = self.rejects + self.undetermined
        again = {one for result in results for one in result["again"]}
        known = {reject["request_id"] for reject in kept}
        found = [one for result in results for one in result["found"] if one["request_id"] in again - known]
        self.told_now += found
        self._recall([*kept, *found], again)
        for day, uploads in dict(closed).items():
            self._recall_day(day, uploads.get(options.identity, {}), kept)
        #: By day, partitions of which an attempt was lost that had sent rows.
        self.lost = {}
        for result in results:
            for day, told in result["dates"].items():
                if result["attempt"] and told.get("unconfirmed"):
                    self.lost.setdefault(day, []).append(result["partition"])
        for reject in self.rejects:
            if reject["date"] or options.is_streaming_stage:
                # A day of which every row is rejected is a day of the job all the same.
                self._add(reject["date"] or "", {"rows": 0, "digest": 0})

    def _named(self, day):
        return day or (f"micro-batch {self.stream[1]}" if self.stream else "this batch")

    def _add(self, day, told):
        empty = dict({"rows": 0, "digest": 0, "reports": []}, **dict.fromkeys(_COUNTS, 0))
        date = self.dates.setdefault(day, empty)
        date["rows"] += told["rows"]
        date["digest"] = (date["digest"] + told["digest"]) % (1 << 64)
        if "report" in told:
            for name in _COUNTS:
                date[name] += told[name]
            date["reports"].append(told["report"])

    def _recall(self, kept, again):
        """Rows of batches that the platform has already were rejected when it got them, and still are."""
        told_now = {reject["request_id"] for reject in self.rejects + self.undetermined}
        for reject in kept:
            if reject["request_id"] not in again or reject["request_id"] in told_now:
                continue
            if reject["code"] == UNDETERMINED:
                self.undetermined.append(reject)
            else:
                self.rejects.append(reject)
                date = self.dates[reject["date"] or ""]
                date["unconfirmed"] -= 1
                date["rejected"] += 1

    def _recall_day(self, day, before, kept):
        """Nothing is sent for a day that is done: what came of these rows is what came of them then."""
        date = self.dates.get(day)
        if not date or (before.get("rows"), before.get("digest")) != (date["rows"], date["digest"]):
            return
        told_now = {_what(reject) for reject in self.rejects}
        of_day = [reject for reject in kept if reject["date"] == day and reject["code"] != UNDETERMINED]
        recalled = [reject for reject in of_day if _what(reject) not in told_now]
        self.rejects += recalled
        # Those of the platform stay on record by their ids.
        self.told_now += [reject for reject in recalled if not reject["request_id"]]
        date["rejected"] += len(recalled)
        stored = before["rows"] - before.get("rejected", 0)
        date["accepted"] = before.get("accepted", 0)
        date["unconfirmed"] = stored - date["accepted"]

    def problems(self):
        """What keeps every ``done`` back."""
        options = self.options
        if self.failed:
            yield from self.failed
            return
        if options.allow_empty:
            if options.date:
                self._add(options.date, {"rows": 0, "digest": 0})
        elif options.date and options.date not in self.dates:
            yield f"there is no row for {options.date}, and allowEmpty was not given"
        elif options.date_column and not self.dates and not self.rejects:
            yield "there is no row, so there is no day to send done for, and allowEmpty was not given"
        astray = 0 if options.is_streaming_stage else sum(1 for reject in self.rejects if not reject["date"])
        if astray and not self.dates:
            yield f"{astray} rows without a day are rejected, and there is no other"

    def problems_of_days(self, closed):
        """By day, what keeps ``done`` of that day alone back."""
        held = {}
        for day, date in sorted(self.dates.items()):
            problems = [] if day in closed else list(self._problems_of(day, date))
            if problems:
                held[day] = problems
        return held

    def is_accounted_for(self, day):
        """Whether it is known of each row that was given to the tasks what became of it."""
        date = self.dates[day]
        return date["read"] == date["rows"] == sum(date[name] for name in _COUNTS[1:])

    def counts(self, day):
        """What the caller is told of the day; rows that no task could hand to the program count as the others."""
        date = self.dates[day]
        rejected = sum(1 for reject in self.rejects if (reject["date"] or "") == day)
        rejected = max(rejected, date["rejected"])
        rows = date["rows"] + rejected - date["rejected"]
        return {"rows": rows, "accepted": date["accepted"], "unconfirmed": date["unconfirmed"], "rejected": rejected}

    def told(self, day):
        """What tells the rows of the day from others, for the driver's record."""
        return {name: self.dates[day][name] for name in ("rows", "digest", "rejected", "accepted")}

    def _problems_of(self, day, date):
        if not self.is_accounted_for(day):
            yield f"{self._named(day)}: {date['rows']} rows were given to the tasks, and {date['read']} are accounted for"
        yield from self._unclear(day)
        yield from self._beyond_budget(day, date)
        if self.options.hold_unconfirmed and date["unconfirmed"] and day:
            yield f"{self._named(day)}: {date['unconfirmed']} rows are accepted and not confirmed (unconfirmed=hold)"

    def _unclear(self, day):
        batches = [one for one in self.undetermined if (one["date"] or "") == day]
        if batches:
            yield (
                f"{self._named(day)}: of {len(batches)} batches nobody knows which rows are stored, and the platform does not say it "
                f"again: {batches[0]['message']}. Mend what it named, then write all rows under another uploadId (what is "
                "stored of behavior rows will be there twice)"
            )

    def _rejected(self, day, date):
        """The rejected rows of a day, and of how many rows; a row without a day could be of any."""
        rejects = [reject for reject in self.rejects if not reject["date"] or reject["date"] == day]
        return rejects, date["rows"] + len(rejects) - date["rejected"]

    def _beyond_budget(self, day, date):
        rejects, rows = self._rejected(day, date)
        limit, is_share = self.options.max_errors
        is_beyond = len(rejects) > (rows * limit / 100 if is_share else limit)
        # A day with nothing in it gets no done, whatever may be rejected; a micro-batch gets none anyway.
        is_lost = rejects and not date["accepted"] + date["unconfirmed"] and not self.options.is_streaming_stage
        if is_beyond or is_lost:
            self.is_beyond_budget = True
            self.is_all_lost |= not is_beyond
            why = "more than maxErrors allows" if is_beyond else "and none is stored, which no maxErrors covers"
            yield f"{self._named(day)}: {_counted(rejects, rows)}, {why}; {_first(rejects)}"

    def remarks(self, days):
        """What the driver's log has to tell of those days, which went well."""
        for day, date in self.dates.items():
            rejects, rows = self._rejected(day, date)
            if day not in days:
                continue
            if rejects:
                yield f"{self._named(day)}: {_counted(rejects, rows)}, as maxErrors allows; {_first(rejects)}"
            if date["unconfirmed"]:
                yield f"{self._named(day)}: {date['unconfirmed']} of {rows} rows are stored as far as can be known (unconfirmed){self._why_unconfirmed(day)}"
        if not self.dates and not self.stream:
            yield "there was no row" + ("" if self.options.is_streaming_stage else ", so there is no day and no done was sent")

    def _why_unconfirmed(self, day):
        """The platform does not repeat what it rejected of them."""
        lost = sorted(self.lost.get(day, ()))
        if not lost:
            return (
                ": they were sent before, and the answer was lost or went to an earlier run; rows of them that the platform rejected then "
                "count as rejected as far as that is known here"
            )
        some = ", ".join(map(str, lost[:5])) + (f" and {len(lost) - 5} more" if len(lost) > 5 else "")
        return (
            f": attempts of this job were lost after they had sent rows (partition {some}). If the platform rejected rows of "
            "theirs, and the lost machine alone knew it, they count as stored; unconfirmed=hold withholds done instead"
        )

    def late(self, plan, known):
        """By day, that it is done, or may be, and was given other rows than any upload that is in it."""
        late = {}
        for day in sorted(set(self.dates) & set(plan["closed"])):
            uploads, now = known.get(day, {}).get("uploads", {}), self.told(day)
            state = "may be done already: nobody knows whether the done that was sent got through" if day in plan["asked"] else "is done"
            if not uploads:
                late[day] = [f"{day} {state}; that was another upload, and it takes no more rows (late_input)"]
            elif not any((one["rows"], one["digest"]) == (now["rows"], now["digest"]) for one in uploads.values()):
                stored = sum(one["rows"] - one.get("rejected", 0) for one in uploads.values())
                is_cut = plan["begun_before"] and self.options.identity not in uploads
                late[day] = [
                    f"{day} {state}, with {stored} rows, and this job has {now['rows']} rows for it that are not those of "
                    "any upload that came to its end; this run sent none of them (late_input)"
                    + ("; what an earlier run of it sent before it was cut off is stored as well" if is_cut else "")
                    + "; re-sync the day in the platform's console, then 'byteair-sync ledger reopen', then the jobs of "
                    "all its uploads again"
                ]
        return late

    def remarks_of_closed(self, plan, known):
        """What the driver's log has to tell of days that were done before, with these rows."""
        for day in sorted(set(self.dates) & set(plan["closed"])):
            before = known.get(day, {}).get("uploads", {}).get(self.options.identity, {})
            if before.get("rejected"):
                yield f"{day} is done, and nothing was sent: {before['rejected']} of these {before['rows']} rows were rejected when they came, and are not stored"


def _what(reject):
    """What tells a rejected row from others, but for equal ones."""
    return reject["date"], reject["request_id"], reject["code"], reject["raw"]


def _counted(rejects, rows):
    return f"{len(rejects)} of {rows} rows were rejected"


def _first(rejects):
    column = f" (column {rejects[0]['column']})" if rejects[0]["column"] else ""
    return f"the first: {rejects[0]['code']}, {rejects[0]['message']}{column}"
