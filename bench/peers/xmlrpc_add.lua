-- For wrk: calls `add`, and counts the answers that are not what they should be.
wrk.method = "POST"
wrk.path = "/RPC2"
wrk.headers["Content-Type"] = "text/xml"
wrk.body = "<?xml version='1.0'?>\n"
  .. "<methodCall>\n<methodName>add</methodName>\n<params>\n"
  .. "<param>\n<value><int>2</int></value>\n</param>\n"
  .. "<param>\n<value><int>3</int></value>\n</param>\n"
  .. "</params>\n</methodCall>\n"

local thread

function setup(its)
  thread = its
  thread:set("wrong", 0)
end

function response(status, headers, body)
  if status ~= 200 or not body:find("<int>5</int>", 1, true) then
    wrong = wrong + 1
  end
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '{"count": %d, "perSecond": %.1f, "wrong": %d}\n',
    summary.requests,
    summary.requests / summary.duration * 1e6,
    thread:get("wrong") + errors.connect + errors.write + errors.timeout))
end
