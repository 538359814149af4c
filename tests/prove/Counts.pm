# What `prove` leaves out: why a test failed or was skipped, and the last line, "N passed, N failed, N skipped".
#
# usage: PERL5LIB=tests/prove prove --formatter Counts ...
package Counts;
use strict;
use warnings;
use TAP::Formatter::Console;
use TAP::Formatter::File;

# Counts that run along on a terminal; a line for each program elsewhere.
our @ISA = -t STDOUT ? 'TAP::Formatter::Console' : 'TAP::Formatter::File';

my ( $passed, $failed, @skipped, @failures ) = ( 0, 0 );

sub open_test {
    my ( $self, $name, $parser ) = @_;
    my ( $failed_here, @said, @remarks ) = 0;
    my $last_failed;
    $parser->callback(
        test => sub {
            my $test = shift;
            $last_failed = !$test->is_ok;
            if    ( $test->has_skip ) { push @skipped, "$name: " . $test->as_string }
            elsif ( $test->is_ok )    { $passed++ }
            else                      { $failed_here++; push @said, $test->as_string }
        }
    );
    # What follows a failed test, and what follows the end of a program that crashed.
    $parser->callback( comment => sub { push @{ $last_failed ? \@said : \@remarks }, shift->as_string } );
    $parser->callback(
        EOF => sub {
            my $parser = shift;
            push @skipped, "$name: " . $parser->skip_all if $parser->skip_all;

            # One failure more for a program that crashed or ended before its plan; cmocka's exit code only
            # counts failures.
            if ( $parser->parse_errors || ( $parser->exit && !$failed_here ) ) {
                $failed_here++;
                push @said, 'crashed or ended early, exit code ' . $parser->exit, $parser->parse_errors, @remarks;
            }
            $failed += $failed_here;
            push @failures, $name, map {"  $_"} @said if $failed_here;
        }
    );
    return $self->SUPER::open_test( $name, $parser );
}

sub summary {
    my ( $self, $aggregate, $interrupted ) = @_;
    $self->SUPER::summary( $aggregate, $interrupted );
    print map {"$_\n"} '', 'Failed:', @failures if @failures;
    print map {"$_\n"} '', 'Skipped:', map {"  $_"} sort @skipped if @skipped;
    print "\n$passed passed, $failed failed", @skipped ? ', ' . @skipped . ' skipped' : '', "\n";
}

1;
