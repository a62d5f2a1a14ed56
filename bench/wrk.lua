-- Sends a recording of bench/requests.py; see there for its two separators.
local recorded, count = {}, 0
local prefix, number = "", 0

function init(args)
  local file = assert(io.open(args[1], "rb"))
  for request in file:read("*a"):gmatch("[^\30]+") do
    count = count + 1
    local head, tail = request:match("^(.-)\31(.*)$")
    recorded[count] = head and { head, tail } or request
  end
  file:close()
  local random = assert(io.open("/dev/urandom", "rb"))
  prefix = random:read(8):gsub(".", function(byte) return string.format("%02x", byte:byte()) end)
  local seed = random:read(4)
  random:close()
  math.randomseed(seed:byte(1) + seed:byte(2) * 256 + seed:byte(3) * 65536)
end

function request()
  local chosen = recorded[math.random(count)]
  if type(chosen) == "string" then
    return chosen
  end
  number = number + 1
  return chosen[1] .. prefix .. string.format("%012d", number) .. chosen[2]
end

function done(summary, latency, requests)
  local errors = summary.errors
  local failed = errors.status + errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format('\n{"rps": %f, "p50": %f, "p99": %f, "errors": %d}\n',
    summary.requests / summary.duration * 1e6, latency:percentile(50) / 1000, latency:percentile(99) / 1000, failed))
end
