-- Has wrk print what bench/_wrk.ts reads, in one line of JSON.
function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format(
    '{"count":%d,"perSecond":%.1f,"p50":%.3f,"p99":%.3f,"wrong":%d}\n',
    summary.requests,
    summary.requests / summary.duration * 1e6,
    latency:percentile(50) / 1000,
    latency:percentile(99) / 1000,
    errors.status + errors.read + errors.timeout
  ))
end
