@echo off
rem Ends the processes that a Snakepit runtime leaves behind when it dies without doing that itself.
rem The Windows part of what watchdog.sh does elsewhere; the job objects of workers do most of it here.
rem
rem The runtime holds the other end of stdin and writes lines:
rem   + PID START   this worker is ours to end; START is its creation time as FILETIME, - when unknown
rem   - PID         it is gone
rem   bye           the runtime ends in order, nothing is left to do
rem The end of stdin without bye says that the runtime is dead. Until then find.exe is blocked in its
rem read, and this script waits for find.exe: nothing polls.
rem
rem Settings, from the environment:
rem   SNAKEPIT_WATCHDOG_GRACE     whole seconds between asking and ending by force; default 3
rem   SNAKEPIT_WATCHDOG_RUNTIME   number of the runtime's process
rem   SNAKEPIT_WATCHDOG_LOG       file to which every step is appended; default none
setlocal EnableExtensions EnableDelayedExpansion

set "grace=%SNAKEPIT_WATCHDOG_GRACE%"
if not defined grace set "grace=3"
for /f "delims=0123456789" %%X in ("!grace!") do set "grace=3"
set "tools=%SystemRoot%\System32"
set "ended="
call :log starts
echo ready

rem All lines come here at once, when the last writer of stdin is gone.
for /f "tokens=1-4" %%A in ('%tools%\find.exe /v ""') do (
  set "verb=%%A"
  set "number=%%B"
  set "start=%%C"
  set "rest=%%D"
  call :line
)
if defined ended (
  call :log bye
  exit /b 0
)
rem Somebody may have ended find.exe alone: then the runtime lives, and starts another watchdog.
call :runtime_lives
if not errorlevel 1 (
  call :nap 1
  call :runtime_lives
  if not errorlevel 1 exit /b 1
)
call :log the runtime is gone
call :end_workers ""
call :nap !grace!
call :end_workers /F
call :log done
exit /b 0

:line
if "!verb!"=="bye" set "ended=yes"
if defined rest exit /b 0
if not defined number exit /b 0
for /f "delims=0123456789" %%X in ("!number!") do exit /b 0
if "!number!"=="0" exit /b 0
if "!verb!"=="-" set "worker_!number!="
if not "!verb!"=="+" exit /b 0
if not defined start exit /b 0
for /f "delims=-0123456789" %%X in ("!start!") do exit /b 0
set "worker_!number!=!start!"
exit /b 0

:runtime_lives
if not defined SNAKEPIT_WATCHDOG_RUNTIME exit /b 1
%tools%\tasklist.exe /NH /FI "PID eq %SNAKEPIT_WATCHDOG_RUNTIME%" 2>nul | %tools%\find.exe " %SNAKEPIT_WATCHDOG_RUNTIME% " >nul
exit /b %errorlevel%

:end_workers
rem Numbers are given to others soon: a worker whose creation time is known must still have it.
set "found="
for /f "tokens=2 delims==" %%S in ('set worker_ 2^>nul') do if not "%%S"=="-" set "found=yes"
if defined found call :read_starts
for /f "tokens=2,3 delims=_=" %%P in ('set worker_ 2^>nul') do call :end_worker %%P %%Q %~1
exit /b 0

:end_worker
set "now=!started_%1!"
if "%2"=="-" set "now=-"
if not "!now!"=="%2" exit /b 0
call :log ends %1 %3
%tools%\taskkill.exe /PID %1 /T %3 >nul 2>nul
exit /b 0

:read_starts
set "shell=%tools%\WindowsPowerShell\v1.0\powershell.exe"
set "query=Get-Process | ForEach-Object { try { '{0} {1}' -f $_.Id, $_.StartTime.ToFileTimeUtc() } catch { } }"
for /f "usebackq tokens=1,2" %%P in (`!shell! -NoProfile -NonInteractive -Command "!query!"`) do (
  if defined worker_%%P set "started_%%P=%%Q"
)
exit /b 0

:nap
set /a "pings=%1 + 1"
rem timeout.exe refuses to work without a console.
%tools%\ping.exe -n !pings! 127.0.0.1 >nul
exit /b 0

:log
if not defined SNAKEPIT_WATCHDOG_LOG exit /b 0
>>"%SNAKEPIT_WATCHDOG_LOG%" echo snakepit-watchdog %*
exit /b 0
