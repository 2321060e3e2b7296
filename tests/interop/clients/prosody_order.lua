-- SPDX-License-Identifier: GPL-3.0-or-later
-- prosody_order.lua SEED: reads answers, a line each, "PRIORITY:WEIGHT:PORT:HOST …", and prints the
-- hosts in the order in which Prosody's resolver of services gives them to its connector. DNS and
-- the look-up of addresses are stand-ins; the resolver is Prosody's.
-- The first line printed says whether this Prosody looks at weights at all (13 does, 0.12 not).

local root = os.getenv("PROSODY_LIB") or "/usr/lib/prosody";
package.path = root .. "/?.lua;" .. package.path;
package.cpath = root .. "/?.so;" .. package.cpath;

local answer;
local adns = { resolver = function ()
	return { lookup = function (_, callback) callback(answer); end };
end };
local basic = { new = function (host)
	local given = false;
	return { next = function (_, callback)
		if given then callback(nil); return; end
		given = true;
		callback("tcp", host);
	end };
end };
for _, prefix in ipairs { "", "prosody." } do
	package.preload[prefix .. "net.adns"] = function () return adns; end
	package.preload[prefix .. "net.resolvers.basic"] = function () return basic; end
end
package.preload["prosody.util.net"] = function () return require "util.net"; end
package.preload["prosody.util.encodings"] = function () return require "util.encodings"; end

local file = assert(io.open(root .. "/net/resolvers/service.lua"));
print(file:read("a"):find("weight") and "weighted" or "unweighted");
file:close();

local service = require "net.resolvers.service";
math.randomseed(tonumber(arg[1]) or 0);

for line in io.lines() do
	answer = {};
	for priority, weight, port, host in line:gmatch("(%d+):(%d+):(%d+):(%S+)") do
		answer[#answer + 1] = { srv = { priority = tonumber(priority); weight = tonumber(weight);
			port = tonumber(port); target = host; } };
	end
	local resolver = service.new("example.org", "xmpp-server", "tcp", {});
	local tried, goes_on = {}, true;
	while goes_on do
		goes_on = false;
		resolver:next(function (conn_type, host)
			if conn_type then
				tried[#tried + 1] = host;
				goes_on = true;
			end
		end);
	end
	print(table.concat(tried, " "));
end
