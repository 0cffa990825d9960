// Tells a job's user which of their scripts' lines the server has refused, in a file of the
// attempt's log directory, which is shipped like all in it.
#pragma once

#include <string>
#include <vector>

#include "base/time.h"

namespace muster::agent {

// Appends the sentences, one a line, and how many more there were; up to 1,000 lines of 300 bytes
// in the file. Failures are not the job's affair and are ignored. Blocking.
void AppendRefusals(const std::string& log_directory, const std::string& name, TimePoint now,
                    const std::vector<std::string>& sentences, std::size_t untold);

}  // namespace muster::agent
