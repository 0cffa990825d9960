#include "cli/spec_words.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdint>

#include "cli/outcome.h"

namespace muster::cli {
namespace {

namespace v1 = muster::v1;

std::string Quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

struct Unit {
  std::string_view name;
  Duration one;
};
constexpr std::array<Unit, 6> kUnits = {{{"ms", std::chrono::milliseconds(1)},
                                         {"s", std::chrono::seconds(1)},
                                         {"m", std::chrono::minutes(1)},
                                         {"h", std::chrono::hours(1)},
                                         {"d", std::chrono::hours(24)},
                                         {"", std::chrono::seconds(1)}}};
constexpr Duration kLongest = std::chrono::hours(24 * 365);
constexpr Duration kLongestExpiry = kLongest * 10;

// `most` is written out in `limit`.
Result<Duration> ParseUpTo(std::string_view flag, std::string_view text, Duration most,
                           std::string_view limit) {
  std::int64_t count = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, count);
  const std::string_view unit(rest, static_cast<std::size_t>(end - rest));
  const auto* const known =
      std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& u) { return u.name == unit; });
  if (error != std::errc() || count < 0 || known == kUnits.end()) {
    return Fail(UsageError(std::string(flag) +
                           " takes a duration such as 500ms, 90s, 15m, 2h or 1d, not " +
                           Quoted(text)));
  }
  if (count > most / known->one) {
    return Fail(UsageError(std::string(flag) + " takes at most " + std::string(limit) + ", not " +
                           Quoted(text)));
  }
  return known->one * count;
}

struct NamedCommunicator {
  std::string_view name;
  v1::Communicator value;
};
constexpr std::array<NamedCommunicator, 10> kCommunicators = {
    {{"", v1::COMMUNICATOR_NONE},
     {"none", v1::COMMUNICATOR_NONE},
     {"mpi", v1::COMMUNICATOR_MPI},
     {"intelmpi", v1::COMMUNICATOR_MPI},
     {"openmpi", v1::COMMUNICATOR_MPI},
     {"pythonmpi", v1::COMMUNICATOR_MPI},
     {"gloo", v1::COMMUNICATOR_GLOO},
     {"nccl", v1::COMMUNICATOR_NCCL},
     {"ps", v1::COMMUNICATOR_PARAMETER_SERVER},
     {"parameterserver", v1::COMMUNICATOR_PARAMETER_SERVER}}};

}  // namespace

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

Result<std::pair<std::string, std::string>> ParseAssignment(std::string_view flag,
                                                            std::string_view text) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    return Fail(UsageError(std::string(flag) + " takes NAME=VALUE, not " + Quoted(text)));
  }
  return std::pair(std::string(text.substr(0, equals)), std::string(text.substr(equals + 1)));
}

Result<v1::DataReference> ParseData(std::string_view text) {
  const auto wrong = [&](const std::string& why) {
    return Fail(UsageError("--data takes name=datastore/path or datastore/path, not " +
                           Quoted(text) + ": " + why));
  };
  v1::DataReference reference;
  std::string_view place = text;
  // A path may hold a "=" too: only one before the first "/" ends a name.
  const auto equals = text.substr(0, text.find('/')).find('=');
  if (equals != std::string_view::npos) {
    if (equals == 0) return wrong("the name before = is empty");
    reference.set_name(std::string(text.substr(0, equals)));
    place = text.substr(equals + 1);
  }
  const auto slash = place.find('/');
  const std::string_view datastore = place.substr(0, slash);
  if (datastore.empty()) return wrong("no datastore is named");
  reference.set_datastore(std::string(datastore));
  if (reference.name().empty()) reference.set_name(reference.datastore());
  if (slash != std::string_view::npos) reference.set_path(std::string(place.substr(slash + 1)));
  return reference;
}

Result<Duration> ParseDuration(std::string_view flag, std::string_view text) {
  return ParseUpTo(flag, text, kLongest, "365d");
}

Result<std::int64_t> ParseExpiry(std::string_view flag, std::string_view text) {
  MUSTER_ASSIGN(const Duration duration, ParseUpTo(flag, text, kLongestExpiry, "3650d"));
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration).count();
  if (seconds < 1) return Fail(UsageError(std::string(flag) + " takes at least 1s"));
  return seconds;
}

Result<v1::Communicator> ParseCommunicator(std::string_view text) {
  const std::string name = LowerCase(text);
  for (const NamedCommunicator& known : kCommunicators) {
    if (known.name == name) return known.value;
  }
  return Fail(UsageError(Quoted(text) + " is no communicator; there is: None, Mpi, Gloo, Nccl"));
}

}  // namespace muster::cli
