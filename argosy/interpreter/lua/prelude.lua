-- Runs in every fresh state before the script does, and leaves nothing in reach but pure computation.
-- Gets the functions of the kube library, each answering a table {value = ..., problem = ...}.
local kube_functions = ...

local LONGEST = 1000000 -- characters of a string given to the string library, as in Karmada

local assert, error, floor, format, ipairs, min = assert, error, math.floor, string.format, ipairs, math.min
local pairs, pcall, select, tostring, type = pairs, pcall, select, tostring, type
local globals = _G

local KEPT = {
  _G = true, _VERSION = true, assert = true, error = true, ipairs = true, math = true, next = true,
  pairs = true, pcall = true, select = true, string = true, table = true, tonumber = true, type = true,
  unpack = true, xpcall = true,
}
local UNSUPPORTED = {
  "collectgarbage", "dofile", "getfenv", "getmetatable", "load", "loadfile", "loadstring", "module",
  "newproxy", "rawequal", "rawget", "rawset", "setfenv", "setmetatable",
}

local safe_os = { time = os.time, date = os.date }
for name in pairs(globals) do
  if not KEPT[name] then
    globals[name] = nil
  end
end
globals.os = safe_os

for _, name in ipairs(UNSUPPORTED) do
  globals[name] = function()
    error(format("call function %s is not supported in a customization", name), 2)
  end
end

-- Standard output carries answers, and nobody would read it.
globals.print = function() end

-- Lua writes whole numbers of 15 digits and more with an exponent; gopher-lua, which scripts are written for, does not.
globals.tostring = function(...)
  local value = ...
  if type(value) == "number" and floor(value) == value and value > -1e18 and value < 1e18 then
    return format("%d", value)
  end
  return tostring(...)
end

string.dump = nil
for name, original in pairs(string) do
  string[name] = function(...)
    for position = 1, min(select("#", ...), 4) do
      local value = select(position, ...)
      if type(value) == "string" and #value > LONGEST then
        error(format("argument #%d of %s is longer than %d characters", position, name, LONGEST), 2)
      end
    end
    return original(...)
  end
end

local kube = {}
for name, original in pairs(kube_functions) do
  kube[name] = function(...)
    local called, answer = pcall(original, select("#", ...), ...)
    if not called then -- what was raised is an object of the process around, which is not the script's to hold
      error(format("%s: %s", name, tostring(answer)), 2)
    end
    if answer.problem then
      error(format("%s: %s", name, answer.problem), 2)
    end
    return answer.value
  end
end

globals.require = function(name)
  if name ~= "kube" then
    error(format("module %s not found; there is only kube", tostring(name)), 2)
  end
  return kube
end
